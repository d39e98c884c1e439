// Queries the end offsets of a topic's partitions from their leaders, over a consumer's connections.
// Any thread may query: a librdkafka handle is thread-safe. Every query has a timeout, and none creates a topic.

package import Base
import CRdKafka

/// A broker of the cluster.
package struct BrokerAddress: Hashable, Sendable {
    /// Its number.
    package let id: Int32
    /// The host and port that it advertises.
    package let address: String
}

/// Queries over a consumer's connections.
package final class EndOffsets: @unchecked Sendable {
    private let client: Client

    /// Shares the consumer's connections.
    package init(_ consumer: Consumer) { client = consumer.client }

    /// The leaders of a topic's partitions, each with the partitions that it leads, ascending. A partition without a
    /// leader is absent.
    /// - Throws: `KafkaError`.
    package func leaders(of topic: String, timeoutMilliseconds: Int32) throws -> [BrokerAddress: [PartitionID]] {
        let topicHandle = rd_kafka_topic_new(client.handle, topic, nil)
        defer { topicHandle.map { rd_kafka_topic_destroy($0) } }
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(client.handle, 0, topicHandle, &metadata, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw KafkaError(code) }
        defer { rd_kafka_metadata_destroy(metadata) }
        var addresses: [Int32: BrokerAddress] = [:]
        for index in 0..<Int(metadata.pointee.broker_cnt) {
            let broker = metadata.pointee.brokers[index]
            addresses[broker.id] = BrokerAddress(
                id: broker.id, address: "\(String(cString: broker.host)):\(broker.port)")
        }
        guard metadata.pointee.topic_cnt > 0 else { return [:] }
        let entry = metadata.pointee.topics[0]
        if entry.err != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(entry.err) }
        var leaders: [BrokerAddress: [PartitionID]] = [:]
        for index in 0..<Int(entry.partition_cnt) {
            guard let leader = addresses[entry.partitions[index].leader] else { continue }
            leaders[leader, default: []].append(PartitionID(rawValue: entry.partitions[index].id))
        }
        return leaders.mapValues { $0.sorted() }
    }

    /// The readable ends (exclusive) of partitions of one leader. For a consumer of committed records, the default,
    /// that is the last stable offset: the first record of the oldest open transaction.
    /// - Returns: the ends; a partition for which the broker returned an error is absent.
    /// - Throws: `KafkaError` when the leader does not answer in time.
    package func ends(of topic: String, _ partitions: [PartitionID], timeoutMilliseconds: Int32) throws -> [PartitionID:
        KafkaOffset]
    {
        let list = rd_kafka_topic_partition_list_new(Int32(clamping: partitions.count))
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in partitions {
            // In the protocol, -1 in place of a time asks for the end.
            rd_kafka_topic_partition_list_add(list, topic, partition.rawValue)?.pointee.offset = -1
        }
        let code = rd_kafka_offsets_for_times(client.handle, list, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { throw KafkaError(code) }
        var ends: [PartitionID: KafkaOffset] = [:]
        for index in 0..<Int(list.pointee.cnt) {
            let entry = list.pointee.elems[index]
            guard entry.err == RD_KAFKA_RESP_ERR_NO_ERROR, entry.offset >= 0 else { continue }
            ends[PartitionID(rawValue: entry.partition)] = KafkaOffset(rawValue: entry.offset)
        }
        return ends
    }
}
