// The reasons why the ingest service ends without being stopped.

package import Base
package import Log

/// An error that ends the service.
package enum IngestError: Error, CustomStringConvertible, Equatable, Sendable {
    /// Kafka no longer has the offsets from `from` (inclusive) to `to` (exclusive), which were not consumed.
    case missingOffsets(topic: String, partition: PartitionID, from: KafkaOffset, to: KafkaOffset)
    /// The state's next offset is beyond the partition's end (exclusive): the topic was re-created or truncated.
    case topicShorter(topic: String, partition: PartitionID, next: KafkaOffset, end: KafkaOffset)
    /// The log is not the one that the state has read.
    case otherLog(UnreadRange)
    /// A partition of the settings does not exist; the topic has 0 to `count` - 1.
    case noSuchPartition(topic: String, partition: PartitionID, count: Int)
    /// Kafka could not be reached, and the service runs with --exit-at-end.
    case unreachable(servers: String, reason: String, seconds: Int64)
    /// The state could not be written and the service was told to stop.
    case notWritten(path: String, reason: String)

    /// The state belongs to another topic, or to another log of its name.
    package var isForeignState: Bool {
        switch self {
        case .topicShorter, .otherLog: true
        case .missingOffsets, .noSuchPartition, .unreachable, .notWritten: false
        }
    }

    /// Kafka could not be reached, or refuses the client.
    package var isUnreachable: Bool {
        if case .unreachable = self { true } else { false }
    }

    /// The settings do not fit the topic.
    package var isWrongUsage: Bool {
        if case .noSuchPartition = self { true } else { false }
    }

    /// The fields of a log line about the error.
    package var facts: Logger.Metadata {
        var facts: Logger.Metadata
        switch self {
        case .missingOffsets(let topic, let partition, let from, let to):
            facts = Facts.place(partition: partition, offset: from, end: to)
            facts["topic"] = "\(topic)"
        case .topicShorter(let topic, let partition, let next, let end):
            facts = Facts.place(partition: partition, offset: next, end: end)
            facts["topic"] = "\(topic)"
        case .otherLog(let range):
            facts = Facts.place(partition: range.partition, offset: range.from, end: range.to)
            facts["topic"] = "\(range.topic)"
        case .noSuchPartition(let topic, let partition, _):
            facts = Facts.place(partition: partition, offset: nil)
            facts["topic"] = "\(topic)"
        case .unreachable(let servers, _, _): facts = ["brokers": "\(servers)"]
        case .notWritten: facts = [:]
        }
        return facts
    }

    /// One line: what failed, where, and what to do.
    package var description: String {
        switch self {
        case .missingOffsets(let topic, let partition, let from, let to):
            "topic \(topic) partition \(partition): Kafka no longer has offsets \(from) to \(to.previous), which were "
                + "not consumed yet; give --on-missing-offsets skip to record them as lost and continue from \(to)"
        case .topicShorter(let topic, let partition, let next, let end):
            "topic \(topic) partition \(partition): the state is at offset \(next), but the partition ends at \(end), "
                + "so the topic was re-created or truncated; start a new --state for it"
        case .otherLog(let range): range.refusal
        case .noSuchPartition(let topic, let partition, let count):
            "topic \(topic) has no partition \(partition), only 0 to \(count - 1); correct --partitions"
        case .unreachable(let servers, let reason, let seconds):
            "Kafka at \(servers) was not reached for \(seconds) s: \(reason); nothing is lost, the next run continues "
                + "from the state's offsets"
        case .notWritten(let path, let reason):
            "state \(path) could not be written: \(reason); nothing is lost, its offsets stay where they were"
        }
    }
}
