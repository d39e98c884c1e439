// The exporter's dependencies: clock, randomness, pauses, a log, and points at which tests end the process.

package import Iceberg
package import Log

/// The exporter's dependencies.
package struct WriterEnvironment: Sendable {
    /// The wall clock, in milliseconds since the Unix epoch.
    package let nowMilliseconds: @Sendable () -> Int64
    /// A new random identity for each attempt of a commit.
    package let identity: @Sendable () -> CommitIdentity
    /// A new unique name.
    package let uniqueName: @Sendable () -> String
    /// Suspends for a duration.
    package let pause: @Sendable (Duration) async throws -> Void
    /// Called with the name of each step at which the process may end without harm.
    package let failPoint: @Sendable (String) -> Void
    /// The log.
    package let log: Logger
    /// Called after each commit with its id, the size of its files in bytes, and the duration of upload and commit.
    package var committed: @Sendable (String, Int64, Duration) -> Void = { _, _, _ in }

    /// Dependencies from their parts.
    package init(
        nowMilliseconds: @escaping @Sendable () -> Int64, identity: @escaping @Sendable () -> CommitIdentity,
        uniqueName: @escaping @Sendable () -> String, pause: @escaping @Sendable (Duration) async throws -> Void,
        failPoint: @escaping @Sendable (String) -> Void, log: Logger
    ) {
        self.nowMilliseconds = nowMilliseconds
        self.identity = identity
        self.uniqueName = uniqueName
        self.pause = pause
        self.failPoint = failPoint
        self.log = log
    }
}
