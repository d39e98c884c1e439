// When the group's offsets are committed, and what is said when they are not.
//
// Lag tools read them, nobody else: a commit that fails holds up nothing, is told, and is tried again. Invariant: after the
// last acknowledged commit nothing newer waits, unless `isPending`.

import Kafka

/// Decides when to commit, and what to say. Pure: the owner sends, and tells what came back.
struct GroupOffsets {
    /// Newer offsets than the last acknowledged ones wait.
    private(set) var isPending = false
    private var sentAt: Int64?
    private var notBefore: Int64 = 0
    private var pause = Backoff()
    private var failingSince: Int64?
    private var hasToldOfSilence = false
    /// How long a coordinator that is made or moved is no news, and an answer may take, in milliseconds.
    private static let quietMilliseconds: Int64 = 5000

    /// There are newer offsets.
    mutating func changed() { isPending = true }

    /// A commit is to be sent now.
    func isDue(now: Int64) -> Bool { isPending && sentAt == nil && now >= notBefore }

    /// A commit of the newest offsets was sent.
    mutating func sent(now: Int64) {
        isPending = false
        sentAt = now
        hasToldOfSilence = false
    }

    /// What came back.
    /// - Returns: what is to be told; nil when nothing is.
    mutating func ended(_ outcome: CommitOutcome, now: Int64) -> String? {
        sentAt = nil
        guard case .failed(let error) = outcome else {
            failingSince = nil
            pause.reset()
            return nil
        }
        isPending = true
        notBefore = now + pause.next()
        let since = failingSince ?? now
        failingSince = since
        if error.isCoordinatorAway, now - since < Self.quietMilliseconds { return nil }
        return error.message
    }

    /// Looks at a commit that was not answered.
    /// - Returns: what is to be told, once; nil when nothing is.
    mutating func silence(now: Int64) -> String? {
        guard let sentAt, !hasToldOfSilence, now - sentAt >= 2 * Self.quietMilliseconds else { return nil }
        hasToldOfSilence = true
        return "no answer for \((now - sentAt) / 1000) s"
    }
}
