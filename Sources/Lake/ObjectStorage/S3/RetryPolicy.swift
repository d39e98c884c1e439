// When to try again: exponential back-off with full jitter, so that many clients do not come back in step.

/// Number and spacing of attempts.
package struct RetryPolicy: Sendable, Equatable {
    /// Attempts at most, the first included.
    package var maximumAttempts: Int
    /// The largest pause after the first attempt; doubles with each.
    package var firstPause: Duration
    /// No pause is longer, unless the server asks for it.
    package var longestPause: Duration

    /// A policy with these bounds.
    package init(
        maximumAttempts: Int = 8, firstPause: Duration = .milliseconds(200), longestPause: Duration = .seconds(10)
    ) {
        self.maximumAttempts = maximumAttempts
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// The pause before the next attempt, or nil when there is to be none.
    /// - Parameters:
    ///   - attempt: how many there have been, from 1.
    ///   - random: a number in 0 ..< 1.
    ///   - retryAfter: what the server asked for.
    ///   - remaining: time to the deadline; a pause that does not end before it is not worth waiting for.
    func pause(after attempt: Int, random: Double, retryAfter: Duration?, remaining: Duration) -> Duration? {
        guard attempt < maximumAttempts else { return nil }
        let doublings = min(attempt - 1, 20)
        let ceiling = min(longestPause, firstPause * (1 << doublings))
        let pause = max(ceiling * random, retryAfter ?? .zero)
        return pause < remaining ? pause : nil
    }
}
