// Standard output and standard error for the commands that print what they have as they go. Results of SQL and messages of
// topics go through `Output`, which this uses too.
//
// Invariant: a write that fails neither ends the process nor is forgotten: `Main` asks each stream when the command has ended,
// and exits 1. A reader that has gone wants no more, which is no failure.

import Base
import Glibc
import Query

/// One of the process's two streams of text.
final class StandardStream: Sendable {
    static let output = StandardStream(descriptor: 1)
    static let error = StandardStream(descriptor: 2)

    private let descriptor: Int32
    /// What became of the last write. After a failure nothing more is written: a text with a gap is no text.
    private let last = Lock(Sending.done)

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes text, waiting for the reader as long as it takes. Texts of several threads do not mix.
    /// - Returns: false when nobody gets this text, nor any other after it.
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

    /// Opens what the caller has left closed, so that no file of ours gets the number of a stream and then its texts.
    /// Reading such a stream, and writing to it, fails as before.
    static func reserveDescriptors() {
        for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
        }
    }
}
