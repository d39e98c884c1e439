// Everything that a judgement of a state and its service is made from; plain values.

/// An incident as the state has it.
public struct IncidentFact: Equatable, Sendable {
    /// When it was noted, milliseconds since the Unix epoch.
    public var at: Int64
    /// Its short name.
    public var kind: String
    /// What happened.
    public var detail: String

    /// An incident.
    public init(at: Int64, kind: String, detail: String) { (self.at, self.kind, self.detail) = (at, kind, detail) }
}

/// A commit as the ledger has it.
public struct ExportFact: Equatable, Sendable {
    /// Names the commit.
    public var commitID: String
    /// The table's full name.
    public var table: String
    /// The state's generation that it brought the table to.
    public var generation: Int64
    /// The table's snapshot; nil when it was not made.
    public var snapshotID: Int64?
    /// When, milliseconds since the Unix epoch; nil when it was not.
    public var committedAt: Int64?
    /// Rows added.
    public var rowsAdded: Int64
    /// Rows deleted.
    public var rowsDeleted: Int64
    /// What became of it.
    public var state: String
}

/// Messages that were rejected of late.
public struct RejectedFact: Equatable, Sendable {
    /// How many in the window that the thresholds name; counted up to a bound.
    public var count: Int64
    /// The latest one's reason, partition and offset, for people.
    public var example: String

    /// A number of them, with one as an example.
    public init(count: Int64, example: String) { (self.count, self.example) = (count, example) }
}

/// A state and its service, at one moment.
public struct StatusFacts: Equatable, Sendable {
    /// The moment, milliseconds since the Unix epoch.
    public var now: Int64
    /// The state's path as it was given.
    public var path: String
    /// There is a state at the path.
    public var exists = false
    /// Why the state could not be read; nil when it could.
    public var unreadable: String?
    /// The topic; nil before Kafka was reached for the first time.
    public var topic: String?
    /// The windows' length in milliseconds; nil before the first run.
    public var windowMilliseconds: Int64?
    /// The number of flushes.
    public var generation: Int64 = 0
    /// When the last flush was written; nil before the first.
    public var flushedAt: Int64?
    /// The watermark; nil before there is one.
    public var watermark: Int64?
    /// The partition that holds the watermark; nil when none does.
    public var watermarkHeldBy: Int32?
    /// The partitions' progress, by number.
    public var partitions: [PartitionProgress] = []
    /// Segments that wait for export.
    public var backlogSegments: Int64 = 0
    /// Their bytes.
    public var backlogBytes: Int64 = 0
    /// Something was counted that the tables do not have yet.
    public var hasUnexported = false
    /// The last commit that was made, of either table.
    public var lastExportAt: Int64?
    /// The latest commits, newest first.
    public var exports: [ExportFact] = []
    /// Incidents that are not over, oldest first; the oldest hundred.
    public var incidents: [IncidentFact] = []
    /// Late events that wait to be published.
    public var unpublishedLate: Int64 = 0
    /// Rejected messages that wait to be published.
    public var unpublishedRejected: Int64 = 0
    /// What was rejected in the last minute.
    public var rejected: RejectedFact?
    /// The state file's size.
    public var stateBytes: Int64 = 0
    /// The size of its write-ahead log.
    public var walBytes: Int64 = 0
    /// What the service says; nil when there never was one, or none that says anything.
    public var health: ServiceHealth?
    /// Whether the service's process is there; nil when that cannot be told from here.
    public var processExists: Bool?

    /// Nothing is known of the state at `path` yet.
    public init(now: Int64, path: String) { (self.now, self.path) = (now, path) }

    /// The service is at work, as far as anybody can tell.
    public var isRunning: Bool {
        guard let health, processExists != false else { return false }
        return [.starting, .running, .stopping].contains(health.phase)
            && now - health.beatAt <= StatusThresholds().silenceMilliseconds
    }

    /// The records that wait in Kafka in one partition; nil when its end is not known, as without a service that asks for it.
    public func lag(of partition: PartitionProgress) -> Int64? {
        guard isRunning else { return nil }
        return health?.partitions.first { $0.partition == partition.partition }?.lag(now: now)
    }

    /// The records that wait in Kafka in the partitions that are read; nil when the end of one is not known.
    public var lag: Int64? { isRunning ? health?.lag(now: now) : nil }

    /// A service is at work that publishes no late events: it was started without a topic for them.
    public var publishesNoLateEvents: Bool {
        isRunning && health?.phase == .running && health?.publishing?[OutboxName.late.rawValue] == nil
    }

    /// Late events that somebody is to publish.
    public var lateToPublish: Int64 { publishesNoLateEvents ? 0 : unpublishedLate }

    /// Events a second over the last minute; nil when nothing is known.
    public var rates: StatusRates? {
        guard isRunning, let samples = health?.samples, let last = samples.last else { return nil }
        let first = samples.first { last.at - $0.at <= 60_000 } ?? last
        let seconds = Double(last.at - first.at) / 1000
        guard seconds >= 1 else { return nil }
        return StatusRates(
            consumed: Double(last.consumed - first.consumed) / seconds, late: Double(last.late - first.late) / seconds,
            rejected: Double(last.rejected - first.rejected) / seconds, seconds: seconds)
    }
}

extension PartitionProgress {
    /// It has had events, and all of them were too far ahead of the clock to move the watermark.
    public var hasOnlyFutureEvents: Bool { maxEventTime == nil && counted + late > 0 }
}

/// Events a second.
public struct StatusRates: Equatable, Sendable {
    /// Records consumed.
    public var consumed: Double
    /// Late events.
    public var late: Double
    /// Rejected messages.
    public var rejected: Double
    /// The time they were measured over, in seconds.
    public var seconds: Double
}
