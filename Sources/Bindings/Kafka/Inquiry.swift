// Questions about a topic over the connections that a client has anyway. None of them creates a topic.
// Invariant: any thread may ask (a librdkafka handle is safe to share); every question has a time limit.

package import Base
import CRdKafka

/// Asks about topics.
package final class Inquiry: @unchecked Sendable {
    private let client: Client

    init(_ client: Client) { self.client = client }

    /// A topic's partitions, and what the cluster says is wrong with them.
    /// - Throws: `KafkaError`: `isUnknownTopic`, or no broker answered in time.
    package func partitions(of topic: String, timeoutMilliseconds: Int32) throws -> TopicPartitions {
        try client.partitions(of: topic, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// The id that the cluster gave the topic when it was created (KIP-516), in its text form; nil where broker or library
    /// do not know ids, or do not tell.
    package func topicID(of topic: String, timeoutMilliseconds: Int32) -> String? {
        client.topicID(of: topic, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// The offsets a partition has, asked of its broker.
    /// - Throws: `KafkaError`.
    package func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange {
        try client.offsets(of: topic, partition: partition, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Consumer {
    /// Questions for other threads than the consumer's.
    package var inquiry: Inquiry { Inquiry(client) }
}

extension Client {
    func topicID(of topic: String, timeoutMilliseconds: Int32) -> String? {
        var text = [CChar](repeating: 0, count: 64)
        let code = pv_rd_kafka_topic_id(handle, topic, timeoutMilliseconds, &text, text.count)
        let id = Self.string(text)
        return code == RD_KAFKA_RESP_ERR_NO_ERROR && !id.isEmpty ? id : nil
    }
}
