// Priorities of log lines for systemd's journal (sd-daemon(3)), so that `journalctl -p warning` selects by level. The
// journal removes the prefix.

import Foundation
import Glibc

/// Prefixes of lines for the journal.
package enum Journal {
    /// Whether standard error is the journal's stream, which JOURNAL_STREAM names as DEVICE:INODE. It is not when
    /// standard error was redirected since, for example to a file.
    private static let listens: Bool = {
        var facts = stat()
        guard fstat(STDERR_FILENO, &facts) == 0 else { return false }
        return isStream(
            ProcessInfo.processInfo.environment["JOURNAL_STREAM"], device: facts.st_dev, inode: facts.st_ino)
    }()

    static func isStream(_ name: String?, device: dev_t, inode: ino_t) -> Bool { name == "\(device):\(inode)" }

    /// The prefix of a line of this level; empty unless standard error is the journal's stream.
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
