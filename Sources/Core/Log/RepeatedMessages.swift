// The limit on repeats: a repeated message is written at intervals, with the number of suppressed repeats.
//
// Invariant: at most `most` messages are remembered.

import Base

/// Which messages were written lately.
final class RepeatedMessages: Sendable {
    private struct Seen {
        var at: UInt64
        var leftOut: Int
    }
    private let seen = Lock<[String: Seen]>([:])
    static let milliseconds: UInt64 = 10_000
    private static let most = 500

    /// The messages that are remembered.
    var count: Int { seen.withLock { $0.count } }

    /// - Parameter now: milliseconds of a clock that never goes back.
    /// - Returns: nil when the message is suppressed; otherwise the number of repeats suppressed since it was last written.
    func admit(_ text: String, now: UInt64) -> Int? {
        seen.withLock { seen in
            if let last = seen[text], now - last.at < Self.milliseconds {
                seen[text]?.leftOut += 1
                return nil
            }
            if seen.count >= Self.most { seen = seen.filter { now - $0.value.at < Self.milliseconds } }
            if seen.count >= Self.most { seen = [:] }
            let leftOut = seen[text]?.leftOut ?? 0
            seen[text] = Seen(at: now, leftOut: 0)
            return leftOut
        }
    }
}
