// What `pageviews ingest` can be told, and why it may end.

public import Log
public import Windowing

/// Settings of the ingest service.
public struct IngestSettings: Sendable {
    /// librdkafka settings; `bootstrap.servers` and `group.id` among them.
    public var kafka: [(String, String)]
    /// The addresses as the user gave them, for messages.
    public var bootstrapServers: String
    /// The topic to count.
    public var topic: String
    /// The partitions to read; nil for all, new ones included.
    public var partitions: Set<Int32>?
    /// The state file's path.
    public var statePath: String
    /// Windows, watermark, lateness.
    public var windows: WindowSettings
    /// The longest time between a record's arrival and its visibility, in milliseconds.
    public var flushIntervalMilliseconds: Int64 = 200
    /// Goes on when Kafka no longer has the next offset, recording the lost range as an incident.
    public var skipsMissingOffsets = false
    /// Keeps whole rejected messages, for the topic they are published to.
    public var keepsRejected = false
    /// Ends when every partition's end has been reached.
    public var exitsAtEnd = false
    /// How often the topic is asked for its partitions, in milliseconds: new ones are read, and one that nobody serves is told.
    public var discoveryIntervalMilliseconds: Int64 = 2000

    /// Sooner after a fault, so that the end of a short one, such as a change of leader, is seen before anybody is alarmed.
    func discoveryInterval(afterFault isAfterFault: Bool) -> Int64 {
        isAfterFault ? min(1000, discoveryIntervalMilliseconds) : discoveryIntervalMilliseconds
    }

    /// Settings with the defaults of the command line.
    public init(
        kafka: [(String, String)], bootstrapServers: String, topic: String, statePath: String, windows: WindowSettings
    ) {
        self.kafka = kafka
        self.bootstrapServers = bootstrapServers
        self.topic = topic
        self.statePath = statePath
        self.windows = windows
    }
}

/// Why the service gave up.
public enum IngestError: Error, CustomStringConvertible, Equatable, Sendable {
    /// Kafka no longer has the next offset.
    case missingOffsets(topic: String, partition: Int32, from: Int64, to: Int64)
    /// The state is ahead of the topic: the topic was re-created or cut.
    case topicShorter(topic: String, partition: Int32, next: Int64, end: Int64)
    /// A partition that was asked for does not exist.
    case noSuchPartition(topic: String, partition: Int32, count: Int)
    /// The state could not be written and the service was told to stop.
    case notWritten(path: String, reason: String)

    /// The state belongs to another topic.
    public var isForeignState: Bool {
        if case .topicShorter = self { true } else { false }
    }

    /// What a log line about it is about, apart from its words.
    public var facts: Logger.Metadata {
        var facts: Logger.Metadata
        switch self {
        case .missingOffsets(let topic, let partition, let from, let to):
            facts = Facts.place(partition: partition, offset: from, end: to)
            facts["topic"] = "\(topic)"
        case .topicShorter(let topic, let partition, let next, let end):
            facts = Facts.place(partition: partition, offset: next, end: end)
            facts["topic"] = "\(topic)"
        case .noSuchPartition(let topic, let partition, _):
            facts = Facts.place(partition: partition, offset: nil)
            facts["topic"] = "\(topic)"
        case .notWritten: facts = [:]
        }
        return facts
    }

    /// One line for people: what failed, on what, what to do.
    public var description: String {
        switch self {
        case .missingOffsets(let topic, let partition, let from, let to):
            "topic \(topic) partition \(partition): Kafka no longer has offsets \(from) to \(to - 1), which were not "
                + "consumed yet; give --on-missing-offsets skip to record them as lost and go on from \(to)"
        case .topicShorter(let topic, let partition, let next, let end):
            "topic \(topic) partition \(partition): the state is at offset \(next), but the partition ends at \(end), "
                + "so the topic was re-created or cut; start a new --state for it"
        case .noSuchPartition(let topic, let partition, let count):
            "topic \(topic) has no partition \(partition), only 0 to \(count - 1); correct --partitions"
        case .notWritten(let path, let reason):
            "state \(path) could not be written: \(reason); nothing is lost, its offsets stay where they were"
        }
    }
}
