// Fields of log lines, each with one name and one format throughout.

import Base
import Log

enum Facts {
    /// A partition, an offset in it, and the end (exclusive) of a range.
    static func place(partition: PartitionID?, offset: KafkaOffset?, end: KafkaOffset? = nil) -> Logger.Metadata {
        var facts: Logger.Metadata = [:]
        if let partition { facts["partition"] = .stringConvertible(partition) }
        if let offset, offset >= 0 { facts["offset"] = .stringConvertible(offset) }
        if let end { facts["end_offset"] = .stringConvertible(end) }
        return facts
    }

    /// The partition in librdkafka's prefix `TOPIC [PARTITION]: `, for errors that do not carry its number.
    static func partition(namedIn words: String, of topic: String) -> PartitionID? {
        guard words.hasPrefix("\(topic) [") else { return nil }
        return PartitionID(words.dropFirst(topic.count + 2).prefix { $0 != "]" })
    }

    /// The next offset of each partition.
    static func ends(_ ends: [(PartitionID, KafkaOffset)]) -> Logger.MetadataValue {
        var values: Logger.Metadata = [:]
        for (partition, offset) in ends { values["\(partition)"] = .stringConvertible(offset) }
        return .dictionary(values)
    }
}
