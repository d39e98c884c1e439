// Queries a cluster about its topics: partitions, offsets, offsets for a time, and a group's committed offsets.
// The client only reads: it joins no group, commits no offsets and creates no topics. Every query has a timeout.

package import Base
import CRdKafka

/// A partition of a topic.
package struct TopicPartition: Hashable, Sendable {
    /// The topic's name.
    package let topic: String
    /// The partition's number.
    package let partition: PartitionID

    /// Names a partition.
    package init(topic: String, partition: PartitionID) { (self.topic, self.partition) = (topic, partition) }
}

/// A topic as the cluster describes it.
package struct TopicDescription: Equatable, Sendable {
    /// The topic's name.
    package let name: String
    /// The numbers of its partitions, ascending.
    package let partitions: [PartitionID]
}

/// The offset of a partition to query.
package enum OffsetQuestion: Equatable, Sendable {
    /// The first offset that the partition still has.
    case beginning
    /// The offset of the next record.
    case end
    /// The first record with this timestamp or a later one, milliseconds since the Unix epoch.
    case time(Int64)

    /// The protocol's value for the query: a time, or a negative number for an end.
    fileprivate var timestamp: Int64 {
        switch self {
        case .beginning: -2
        case .end: -1
        case .time(let milliseconds): max(0, milliseconds)
        }
    }
}

/// A client that only queries.
package final class Cluster {
    private let client: Client

    /// - Parameters:
    ///   - settings: librdkafka settings, later ones win; `bootstrap.servers` among them, and `group.id` for
    ///     `committedOffsets`.
    ///   - log: receives librdkafka's log lines, on any of its threads.
    /// - Throws: `KafkaError` for a setting that `ReservedSettings` or librdkafka rejects.
    package init(settings: [(String, String)], log: @escaping @Sendable (KafkaLogLine) -> Void) throws {
        let defaults = [("allow.auto.create.topics", "false"), ("enable.auto.commit", "false")]
        try ReservedSettings.check(settings)
        client = try Client(RD_KAFKA_CONSUMER, settings: defaults + settings, log: log)
    }

    /// All topics that the user may see, sorted by name.
    /// - Throws: `KafkaError` when no broker answers in time or accepts the credentials.
    package func topics(timeoutMilliseconds: Int32) throws -> [TopicDescription] {
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(client.handle, 1, nil, &metadata, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw failure(code) }
        defer { rd_kafka_metadata_destroy(metadata) }
        return (0..<Int(metadata.pointee.topic_cnt)).map { index in
            let topic = metadata.pointee.topics[index]
            let partitions = (0..<Int(topic.partition_cnt)).map {
                PartitionID(rawValue: topic.partitions[$0].id)
            }
            return TopicDescription(name: String(cString: topic.topic), partitions: partitions.sorted())
        }.sorted { $0.name < $1.name }
    }

    /// One offset of each partition. A partition without a leader, or without a record at or after the time, is absent.
    /// - Throws: `KafkaError`.
    package func offsets(
        of partitions: [TopicPartition], _ question: OffsetQuestion, timeoutMilliseconds: Int32
    ) throws -> [TopicPartition: KafkaOffset] {
        try ask(partitions, offset: question.timestamp) {
            rd_kafka_offsets_for_times(client.handle, $0, timeoutMilliseconds)
        }
    }

    /// The group's committed offset of each partition; a partition without one is absent.
    /// - Throws: `KafkaError`.
    package func committedOffsets(
        of partitions: [TopicPartition], timeoutMilliseconds: Int32
    ) throws -> [TopicPartition: KafkaOffset] {
        try ask(partitions, offset: Int64(RD_KAFKA_OFFSET_INVALID)) {
            rd_kafka_committed(client.handle, $0, timeoutMilliseconds)
        }
    }

    private func ask(
        _ partitions: [TopicPartition], offset: Int64,
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> rd_kafka_resp_err_t
    ) throws -> [TopicPartition: KafkaOffset] {
        guard !partitions.isEmpty else { return [:] }
        let list = rd_kafka_topic_partition_list_new(Int32(clamping: partitions.count))
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in partitions {
            let entry = rd_kafka_topic_partition_list_add(list, partition.topic, partition.partition.rawValue)
            entry?.pointee.offset = offset
        }
        let code = body(list)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { throw failure(code) }
        var found: [TopicPartition: KafkaOffset] = [:]
        for index in 0..<Int(list.pointee.cnt) {
            let entry = list.pointee.elems[index]
            guard entry.err == RD_KAFKA_RESP_ERR_NO_ERROR, entry.offset >= 0 else { continue }
            let partition = PartitionID(rawValue: entry.partition)
            found[TopicPartition(topic: String(cString: entry.topic), partition: partition)] =
                KafkaOffset(rawValue: entry.offset)
        }
        return found
    }

    /// Prefers an error that the client received meanwhile, such as a failed login, to a timeout.
    private func failure(_ code: rd_kafka_resp_err_t) -> KafkaError {
        rd_kafka_poll(client.handle, 0)
        let heard = client.callbacks.takeErrors()
        return heard.first(where: \.isAuthentication) ?? heard.first(where: { !$0.isAllBrokersDown })
            ?? KafkaError(code)
    }
}
