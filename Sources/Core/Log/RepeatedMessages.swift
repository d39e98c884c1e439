// The limit on repeats: a repeated message is written at intervals, with the number of suppressed repeats.
//
// Invariant: the table holds at most `most` messages.

import Base

/// The recently written messages.
final class RepeatedMessages: Sendable {
    private struct Seen {
        var at: UInt64
        var suppressed: Int
    }
    private let seen = Lock<[String: Seen]>([:])
    static let milliseconds: UInt64 = 10_000
    private static let most = 500

    /// The number of messages in the table.
    var count: Int { seen.withLock { $0.count } }

    /// - Parameter now: milliseconds of a monotonic clock.
    /// - Returns: nil to suppress the message; otherwise the number of repeats suppressed since it was last written.
    func admit(_ text: String, now: UInt64) -> Int? {
        // Another thread may have read its clock later and come first.
        func isRecent(_ message: Seen) -> Bool { now < message.at || now - message.at < Self.milliseconds }
        return seen.withLock { seen in
            if let last = seen[text], isRecent(last) {
                seen[text]?.suppressed += 1
                return nil
            }
            if seen.count >= Self.most { seen = seen.filter { isRecent($0.value) } }
            if seen.count >= Self.most { seen = [:] }
            let suppressed = seen[text]?.suppressed ?? 0
            seen[text] = Seen(at: now, suppressed: 0)
            precondition(seen.count <= Self.most, "the table of repeats is bounded")
            return suppressed
        }
    }
}
