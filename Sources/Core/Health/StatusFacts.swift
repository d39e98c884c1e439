// Everything that a judgement of a state and its service is made from; plain values.

package import Base
package import State

/// Messages that were rejected of late.
package struct RejectedFact: Equatable, Sendable {
    /// How many in the window that the thresholds name; counted up to a bound.
    package var count: Int64
    /// The latest one's reason, partition and offset, for people.
    package var example: String

    /// A number of them, with one as an example.
    package init(count: Int64, example: String) { (self.count, self.example) = (count, example) }
}

/// A state and its service, at one moment.
package struct StatusFacts: Equatable, Sendable {
    /// The moment, milliseconds since the Unix epoch.
    package var now: Int64
    /// The state's path as it was given.
    package var path: String
    /// There is a state at the path.
    package var exists = false
    /// Why the state could not be read; nil when it could.
    package var unreadable: String?
    /// The topic; nil before Kafka was reached for the first time.
    package var topic: String?
    /// The windows' length in milliseconds; nil before the first run.
    package var windowMilliseconds: Int64?
    /// The number of flushes.
    package var generation: Generation = 0
    /// When the last flush was written; nil before the first.
    package var flushedAt: Int64?
    /// The watermark; nil before there is one.
    package var watermark: EventTime?
    /// The partition that holds the watermark; nil when none does.
    package var watermarkHeldBy: PartitionID?
    /// The partitions' progress, by number.
    package var partitions: [PartitionProgress] = []
    /// Segments that wait for export.
    package var backlogSegments: Int64 = 0
    /// Their bytes.
    package var backlogBytes: Int64 = 0
    /// Something was counted that the tables do not have yet.
    package var hasUnexported = false
    /// The last commit that was made, of either table.
    package var lastExportAt: Int64?
    /// The latest commits, newest first.
    package var exports: [ExportRecord] = []
    /// Incidents that are not over, oldest first; the oldest hundred.
    package var incidents: [OpenIncident] = []
    /// Late events that wait to be published.
    package var unpublishedLate: Int64 = 0
    /// Rejected messages that wait to be published.
    var unpublishedRejected: Int64 = 0
    /// What was rejected in the last minute.
    package var rejected: RejectedFact?
    /// The state file's size.
    package var stateBytes: Int64 = 0
    /// The size of its write-ahead log.
    package var walBytes: Int64 = 0
    /// What the service says; nil when there never was one, or none that says anything.
    package var health: ServiceHealth?
    /// Whether the service's process is there; nil when that cannot be told from here.
    package var processExists: Bool?

    /// Nothing is known of the state at `path` yet.
    package init(now: Int64, path: String) { (self.now, self.path) = (now, path) }

    /// The service is at work, as far as anybody can tell.
    package var isRunning: Bool {
        guard let health, processExists != false else { return false }
        return [.starting, .running, .stopping].contains(health.phase)
            && now - health.beatAt <= StatusThresholds().silenceMilliseconds
    }

    /// The records that wait in Kafka in one partition; nil when its end is not known, as without a service that asks for it.
    package func lag(of partition: PartitionProgress) -> Int64? {
        guard isRunning else { return nil }
        return health?.partitions.first { $0.partition == partition.partition }?.lag(now: now)
    }

    /// The records that wait in Kafka in the partitions that are read; nil when the end of one is not known.
    package var lag: Int64? { isRunning ? health?.lag(now: now) : nil }

    /// A service is at work that publishes no late events: it was started without a topic for them.
    var publishesNoLateEvents: Bool {
        isRunning && health?.phase == .running && health?.publishing?[OutboxName.late.rawValue] == nil
    }

    /// Late events that somebody is to publish.
    package var lateToPublish: Int64 { publishesNoLateEvents ? 0 : unpublishedLate }

    /// Events a second over the last minute; nil when nothing is known.
    package var rates: StatusRates? {
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
    var hasOnlyFutureEvents: Bool { maxEventTime == nil && counted + late > 0 }
}

/// Events a second.
package struct StatusRates: Equatable, Sendable {
    /// Records consumed.
    package var consumed: Double
    /// Late events.
    package var late: Double
    /// Rejected messages.
    package var rejected: Double
    /// The time they were measured over, in seconds.
    package var seconds: Double
}
