// Retries with exponential back-off and full jitter, so that many clients do not retry in step.

/// Number and spacing of attempts.
package struct RetryPolicy: Sendable, Equatable {
    /// Largest number of attempts, including the first.
    package var maximumAttempts: Int
    /// Largest pause after the first attempt; doubles with each attempt.
    package var firstPause: Duration
    /// Largest pause, unless the server asks for more.
    package var longestPause: Duration

    /// A policy with these bounds.
    package init(
        maximumAttempts: Int = 8, firstPause: Duration = .milliseconds(200), longestPause: Duration = .seconds(10)
    ) {
        self.maximumAttempts = maximumAttempts
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// The pause before the next attempt; nil to give up.
    /// - Parameters:
    ///   - attempt: the number of attempts so far, from 1.
    ///   - random: a number in 0 ..< 1.
    ///   - retryAfter: the pause that the server asked for.
    ///   - remaining: time to the deadline; the pause must end before it.
    func pause(after attempt: Int, random: Double, retryAfter: Duration?, remaining: Duration) -> Duration? {
        guard attempt < maximumAttempts else { return nil }
        let doublings = min(attempt - 1, 20)
        let ceiling = min(longestPause, firstPause * (1 << doublings))
        let pause = max(ceiling * random, retryAfter ?? .zero)
        return pause < remaining ? pause : nil
    }
}
