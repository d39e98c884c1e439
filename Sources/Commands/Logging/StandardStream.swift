// Standard output and standard error for commands that print line by line. SQL results and topic messages go through
// `Output`, which this file also uses.
//
// A failed write is remembered and does not end the process. `Pageviews` checks each stream when the command has ended,
// and exits 1. A closed pipe is not a failure: its reader wants no more.

import Base
import Glibc
import Query

/// One of the two text streams of the process.
final class StandardStream: Sendable {
    static let output = StandardStream(descriptor: 1)
    static let error = StandardStream(descriptor: 2)

    private let descriptor: Int32
    /// The result of the last write. After a failure nothing more is written, so the text never has a gap.
    private let last = Lock(Sending.done)

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes text and blocks until the reader has taken it. Texts of several threads do not mix.
    /// - Returns: false when this text, and so every later one, cannot be written.
    @discardableResult
    func write(_ text: String) -> Bool {
        last.withLock { last in
            guard last == .done else { return false }
            let output = Output(descriptor: descriptor)
            output.write(text)
            last = output.send(unless: InterruptFlag())
            return last == .done
        }
    }

    /// - Throws: `Failure` with exit code 1 when a text could not be written.
    func check() throws {
        if case .failed(let why) = last.withLock({ $0 }) { throw Failure(why, exitCode: 1) }
    }

    /// Opens the standard streams that the caller left closed, so that no other file gets their descriptors and their
    /// text. The replacements are opened the wrong way round: reading or writing still fails.
    static func reserveDescriptors() {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
        }
    }
}
