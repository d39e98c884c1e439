// When the group's offsets are committed, and what is said when they are not.
//
// Lag tools read them, nobody else: a commit that fails holds up nothing, is told, and is retried. Invariant: after the
// last acknowledged commit nothing newer waits, unless `isPending`.

import Kafka

/// Decides when to commit, and what to say. Pure: the owner sends, and tells what came back.
struct GroupOffsets {
    /// The commit that was sent last.
    private enum Sending {
        /// It was answered, or there was none.
        /// - notBefore: when the next one may be sent.
        case idle(notBefore: Int64)
        /// - isSilenceTold: that no answer comes was told.
        case underWay(since: Int64, isSilenceTold: Bool)
    }

    /// What became of it.
    private enum Outcome {
        case acknowledged
        /// - since: the first of the failures in a row.
        /// - retry: the pause before the next try.
        case failing(since: Int64, retry: Backoff)
    }

    /// Newer offsets than the last acknowledged ones wait.
    private(set) var isPending = false
    private var sending = Sending.idle(notBefore: 0)
    private var last = Outcome.acknowledged
    /// How long a coordinator that is made or moved is no news, and an answer may take, in milliseconds.
    private static let quietMilliseconds: Int64 = 5000

    /// There are newer offsets.
    mutating func changed() { isPending = true }

    /// A commit is to be sent now.
    func isDue(now: Int64) -> Bool {
        guard isPending, case .idle(let notBefore) = sending else { return false }
        return now >= notBefore
    }

    /// A commit of the newest offsets was sent.
    mutating func sent(now: Int64) {
        isPending = false
        sending = .underWay(since: now, isSilenceTold: false)
    }

    /// What came back.
    /// - Returns: what is to be told; nil when nothing is.
    mutating func ended(_ outcome: CommitOutcome, now: Int64) -> String? {
        guard case .failed(let error) = outcome else {
            sending = .idle(notBefore: now)
            last = .acknowledged
            return nil
        }
        var (since, retry) = (now, Backoff())
        if case .failing(let first, let pause) = last { (since, retry) = (first, pause) }
        isPending = true
        sending = .idle(notBefore: now + retry.next())
        last = .failing(since: since, retry: retry)
        if error.isCoordinatorAway, now - since < Self.quietMilliseconds { return nil }
        return error.message
    }

    /// Looks at a commit that was not answered.
    /// - Returns: what is to be told, once; nil when nothing is.
    mutating func silence(now: Int64) -> String? {
        guard case .underWay(let since, isSilenceTold: false) = sending, now - since >= 2 * Self.quietMilliseconds
        else { return nil }
        sending = .underWay(since: since, isSilenceTold: true)
        return "no answer for \((now - since) / 1000) s"
    }
}
