// What log lines are about, apart from their words: fields of one name and one form throughout.

import Base
import Log

enum Facts {
    /// A partition, its offset, and the offset after the last one of a range.
    static func place(partition: PartitionID?, offset: KafkaOffset?, end: KafkaOffset? = nil) -> Logger.Metadata {
        var facts: Logger.Metadata = [:]
        if let partition { facts["partition"] = .stringConvertible(partition) }
        if let offset, offset >= 0 { facts["offset"] = .stringConvertible(offset) }
        if let end { facts["end_offset"] = .stringConvertible(end) }
        return facts
    }

    /// The partition that librdkafka's words begin with, `TOPIC [PARTITION]: `, where they come without its number.
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
