// What the exporter needs of the world: clock, randomness, pauses, a log, and points at which tests end the process.

public import Iceberg
public import Log

/// The exporter's surroundings.
public struct ExportEnvironment: Sendable {
    /// Milliseconds since the Unix epoch.
    public let nowMilliseconds: @Sendable () -> Int64
    /// A fresh random identity for each try of a commit.
    public let identity: @Sendable () -> CommitIdentity
    /// A fresh unique name.
    public let uniqueName: @Sendable () -> String
    /// Waits.
    public let pause: @Sendable (Duration) async throws -> Void
    /// Called at each step whose interruption must be harmless, with its name.
    public let failPoint: @Sendable (String) -> Void
    /// For people.
    public let log: Logger
    /// Called after each commit with its id, the bytes of its files and how long upload and commit took.
    public var committed: @Sendable (String, Int64, Duration) -> Void = { _, _, _ in }

    /// Surroundings from their parts.
    public init(
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
