// systemd's journal at the other end of standard error: each line is given its priority, sd-daemon(3), so that
// `journalctl -p warning` finds what it should. The journal takes the mark off again.

import Foundation
import Glibc

/// Marks lines for the journal.
package enum Journal {
    /// Whether standard error is the journal's stream, which JOURNAL_STREAM names as DEVICE:INODE. Standard error that was
    /// sent elsewhere since, to a file for example, is not.
    private static let listens: Bool = {
        var facts = stat()
        guard fstat(STDERR_FILENO, &facts) == 0 else { return false }
        return isStream(
            ProcessInfo.processInfo.environment["JOURNAL_STREAM"], device: facts.st_dev, inode: facts.st_ino)
    }()

    static func isStream(_ name: String?, device: dev_t, inode: ino_t) -> Bool { name == "\(device):\(inode)" }

    /// What to put before a line of this level: nothing where nobody takes it off.
    package static func prefix(_ level: Logger.Level) -> String { listens ? mark(level) : "" }

    static func mark(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "<7>"
        case .info: "<6>"
        case .notice: "<5>"
        case .warning: "<4>"
        case .error: "<3>"
        case .critical: "<2>"
        }
    }
}
