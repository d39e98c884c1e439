// What the exporter needs of the world: clock, randomness, pauses, a log, and points at which tests end the process.

package import Iceberg
package import Log

/// The exporter's surroundings.
package struct WriterEnvironment: Sendable {
    /// Milliseconds since the Unix epoch.
    package let nowMilliseconds: @Sendable () -> Int64
    /// A fresh random identity for each try of a commit.
    package let identity: @Sendable () -> CommitIdentity
    /// A fresh unique name.
    package let uniqueName: @Sendable () -> String
    /// Waits.
    package let pause: @Sendable (Duration) async throws -> Void
    /// Called at each step whose interruption must be harmless, with its name.
    package let failPoint: @Sendable (String) -> Void
    /// For people.
    package let log: Logger
    /// Called after each commit with its id, the bytes of its files and how long upload and commit took.
    package var committed: @Sendable (String, Int64, Duration) -> Void = { _, _, _ in }

    /// Surroundings from their parts.
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
