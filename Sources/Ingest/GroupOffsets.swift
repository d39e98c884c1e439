// Decides when to commit the group's offsets and when to log a failure.
//
// Only lag tools read these offsets: a failed commit blocks nothing, is logged and is retried.
// Invariants: at most one commit is under way. Unless `isPending`, the last commit sent has the newest offsets.

import Kafka

/// Decides when to commit. Pure: the owner sends the commits and reports their outcomes.
struct GroupOffsets {
    /// The commit that was sent last. Times are on the monotonic clock, in milliseconds.
    private enum Sending {
        /// It was answered, or there was none.
        /// - notBefore: the earliest time of the next commit.
        case idle(notBefore: Int64)
        /// - isSilenceTold: the missing answer was logged.
        case underWay(since: Int64, isSilenceTold: Bool)
    }

    /// The outcome of the last answered commit.
    private enum Outcome {
        case acknowledged
        /// - since: the first of the consecutive failures.
        /// - retry: the pause before the next attempt.
        case failing(since: Int64, retry: Backoff)
    }

    /// Newer offsets than those of the last commit wait.
    private(set) var isPending = false
    private var sending = Sending.idle(notBefore: 0)
    private var last = Outcome.acknowledged
    /// How long a missing coordinator is not logged, in milliseconds: the cluster may be creating or moving it.
    private static let quietMilliseconds: Int64 = 5000

    /// Notes that there are newer offsets.
    mutating func changed() { isPending = true }

    /// Whether to send a commit now.
    func isDue(now: Int64) -> Bool {
        guard isPending, case .idle(let notBefore) = sending else { return false }
        return now >= notBefore
    }

    /// Notes that a commit of the newest offsets was sent.
    mutating func sent(now: Int64) {
        if case .underWay = sending { preconditionFailure("one commit is under way at a time") }
        isPending = false
        sending = .underWay(since: now, isSilenceTold: false)
    }

    /// Notes the outcome of the commit under way.
    /// - Returns: the text to log; nil for none.
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

    /// Checks a commit that was not answered.
    /// - Returns: the text to log, once per commit; nil for none.
    mutating func silence(now: Int64) -> String? {
        guard case .underWay(let since, isSilenceTold: false) = sending, now - since >= 2 * Self.quietMilliseconds
        else { return nil }
        sending = .underWay(since: since, isSilenceTold: true)
        return "no answer for \((now - since) / 1000) s"
    }
}
