// Settings of the ingest service.

package import Base
package import Windowing

/// Settings of the ingest service.
package struct IngestSettings: Sendable {
    /// librdkafka settings, including `bootstrap.servers` and `group.id`.
    package var kafka: [(String, String)]
    /// The consumer group whose offsets are committed; for messages.
    var group: String { kafka.last { $0.0 == "group.id" }?.1 ?? "" }
    /// The addresses as the user gave them; for messages.
    package var bootstrapServers: String
    /// The topic to count.
    package var topic: String
    /// The partitions to read; nil for all, new ones included.
    package var partitions: Set<PartitionID>?
    /// The state file's path.
    package var statePath: String
    /// Windows, watermark, lateness.
    package var windows: WindowSettings
    /// Maximum time between two flushes while there is something to write, in milliseconds.
    package var flushIntervalMilliseconds: Int64 = 200
    /// Continues when Kafka no longer has the next offset, and records the lost range as an incident.
    package var skipsMissingOffsets = false
    /// Keeps whole rejected messages, for publishing.
    package var keepsRejected = false
    /// Ends when every partition was read to its end.
    package var exitsAtEnd = false
    /// How long a service with `exitsAtEnd` waits for an unreachable Kafka, in milliseconds.
    var unreachableLimitMilliseconds: Int64 = 60_000
    /// Interval of the questions about the topic's partitions, in milliseconds. They find new partitions and those
    /// without a leader.
    var discoveryIntervalMilliseconds: Int64 = 2000

    /// At most 1 s after a fault, so that the end of a short one, such as a leader change, is seen before it raises an
    /// alarm.
    func discoveryInterval(afterFault isAfterFault: Bool) -> Int64 {
        isAfterFault ? min(1000, discoveryIntervalMilliseconds) : discoveryIntervalMilliseconds
    }

    /// Whether a service with `exitsAtEnd` ends because Kafka was unreachable for too long. Any other service retries
    /// without limit.
    /// - Parameters:
    ///   - since: when Kafka became unreachable, on the monotonic clock in milliseconds.
    ///   - now: the time on the same clock.
    func givesUp(since: Int64, now: Int64) -> Bool { exitsAtEnd && now - since >= unreachableLimitMilliseconds }

    /// The error for a service that gives up.
    func unreachable(_ reason: String) -> IngestError {
        .unreachable(servers: bootstrapServers, reason: reason, seconds: unreachableLimitMilliseconds / 1000)
    }

    /// Settings with the defaults of the command line.
    package init(
        kafka: [(String, String)], bootstrapServers: String, topic: String, statePath: String, windows: WindowSettings
    ) {
        self.kafka = kafka
        self.bootstrapServers = bootstrapServers
        self.topic = topic
        self.statePath = statePath
        self.windows = windows
    }
}
