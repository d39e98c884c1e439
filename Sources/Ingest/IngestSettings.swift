// What `pageviews ingest` can be told.

package import Base
package import Windowing

/// Settings of the ingest service.
package struct IngestSettings: Sendable {
    /// librdkafka settings; `bootstrap.servers` and `group.id` among them.
    package var kafka: [(String, String)]
    /// The group whose offsets are committed, for messages.
    var group: String { kafka.last { $0.0 == "group.id" }?.1 ?? "" }
    /// The addresses as the user gave them, for messages.
    package var bootstrapServers: String
    /// The topic to count.
    package var topic: String
    /// The partitions to read; nil for all, new ones included.
    package var partitions: Set<PartitionID>?
    /// The state file's path.
    package var statePath: String
    /// Windows, watermark, lateness.
    package var windows: WindowSettings
    /// The longest time between a record's arrival and its visibility, in milliseconds.
    package var flushIntervalMilliseconds: Int64 = 200
    /// Goes on when Kafka no longer has the next offset, recording the lost range as an incident.
    package var skipsMissingOffsets = false
    /// Keeps whole rejected messages, for the topic they are published to.
    package var keepsRejected = false
    /// Ends when every partition's end has been reached.
    package var exitsAtEnd = false
    /// How long a service that ends at the end of the input continues without Kafka, in milliseconds.
    var unreachableLimitMilliseconds: Int64 = 60_000
    /// How often the topic is asked for its partitions, in milliseconds: new ones are read, and one that nobody serves is told.
    var discoveryIntervalMilliseconds: Int64 = 2000

    /// Sooner after a fault, so that the end of a short one, such as a change of leader, is seen before anybody is alarmed.
    func discoveryInterval(afterFault isAfterFault: Bool) -> Int64 {
        isAfterFault ? min(1000, discoveryIntervalMilliseconds) : discoveryIntervalMilliseconds
    }

    /// Whether a service that ends at the end of the input ends because Kafka was unreachable for too long; any other goes on
    /// trying.
    /// - Parameters:
    ///   - since: since when, on the monotonic clock.
    ///   - now: on the same clock.
    func givesUp(since: Int64, now: Int64) -> Bool { exitsAtEnd && now - since >= unreachableLimitMilliseconds }

    /// The error it ends with then.
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
