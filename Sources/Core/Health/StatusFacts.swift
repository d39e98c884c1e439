// The input of the health decision about a state and its service, as plain values.

package import Base
package import State

/// Messages that were rejected recently.
package struct RejectedFact: Equatable, Sendable {
    /// Their number within `StatusThresholds.rejectedMilliseconds`, counted up to a bound.
    package var count: Int64
    /// The reason, partition and offset of the latest one, for people.
    package var example: String

    /// `count` rejected messages, with one as an example.
    package init(count: Int64, example: String) { (self.count, self.example) = (count, example) }
}

/// A state and its service, at one moment.
package struct StatusFacts: Equatable, Sendable {
    /// The time of the facts, in milliseconds since the Unix epoch.
    package var now: Int64
    /// The state's path as it was given.
    package var path: String
    /// Whether there is a state at the path.
    package var exists = false
    /// Why the state cannot be read; nil when it can.
    package var unreadable: String?
    /// The topic; nil before a service has first reached Kafka.
    package var topic: String?
    /// The windows' length in milliseconds; nil before the first run.
    package var windowMilliseconds: Int64?
    /// The state's generation.
    package var generation: Generation = 0
    /// When the last flush was written, in milliseconds since the Unix epoch; nil before the first.
    package var flushedAt: Int64?
    /// The watermark; nil before there is one.
    package var watermark: EventTime?
    /// The partition that holds back the watermark; nil when none does.
    package var watermarkHeldBy: PartitionID?
    /// The partitions' progress, ascending by number.
    package var partitions: [PartitionProgress] = []
    /// Segments that wait for export.
    package var backlogSegments: Int64 = 0
    /// The size of these segments, in bytes.
    package var backlogBytes: Int64 = 0
    /// Whether counts or segments wait for export.
    package var hasUnexported = false
    /// When the last commit to either table was settled, in milliseconds since the Unix epoch; nil before the first.
    package var lastExportAt: Int64?
    /// The latest commits, newest first.
    package var exports: [ExportRecord] = []
    /// Open incidents, oldest first, at most 100.
    package var incidents: [OpenIncident] = []
    /// Late events that wait to be published.
    package var unpublishedLate: Int64 = 0
    /// Rejected messages that wait to be published.
    var unpublishedRejected: Int64 = 0
    /// Messages that were rejected recently; nil when there were none.
    package var rejected: RejectedFact?
    /// The size of the state file, in bytes.
    package var stateBytes: Int64 = 0
    /// The size of its write-ahead log, in bytes.
    package var walBytes: Int64 = 0
    /// The service's health; nil when no service has written a heartbeat.
    package var health: ServiceHealth?
    /// Whether the service's process exists; nil when that is not known, as for another machine.
    package var processExists: Bool?

    /// Facts about the state at `path` before anything was read.
    package init(now: Int64, path: String) { (self.now, self.path) = (now, path) }

    /// Whether a service is running: its heartbeat is recent, and its process is not known to be gone.
    package var isRunning: Bool {
        guard let health, processExists != false else { return false }
        return [.starting, .running, .stopping].contains(health.phase)
            && now - health.beatAt <= StatusThresholds().silenceMilliseconds
    }

    /// Records of one partition that wait in Kafka; nil when its end is not known or no service runs.
    package func lag(of partition: PartitionProgress) -> Int64? {
        guard isRunning else { return nil }
        return health?.partitions.first { $0.partition == partition.partition }?.lag(now: now)
    }

    /// Records of all partitions that wait in Kafka; nil when the end of any is not known or no service runs.
    package var lag: Int64? { isRunning ? health?.lag(now: now) : nil }

    /// Whether the running service publishes no late events, because it was started without a topic for them.
    var publishesNoLateEvents: Bool {
        isRunning && health?.phase == .running && health?.publishing?[OutboxName.late.rawValue] == nil
    }

    /// Late events that wait to be published; 0 when the service publishes none.
    package var lateToPublish: Int64 { publishesNoLateEvents ? 0 : unpublishedLate }

    /// Rates over the last minute; nil when no service runs or its samples span less than a second.
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
    /// Whether the partition has had events, and all of them were too far ahead of the clock to advance the watermark.
    var hasOnlyFutureEvents: Bool { maxEventTime == nil && counted + late > 0 }
}

/// Rates per second.
package struct StatusRates: Equatable, Sendable {
    /// Records consumed.
    package var consumed: Double
    /// Late events.
    package var late: Double
    /// Rejected messages.
    package var rejected: Double
    /// The length of the measurement, in seconds.
    package var seconds: Double
}
