// Queries about a topic over a consumer's connections. None of them creates a topic.
// Any thread may query: a librdkafka handle is thread-safe. Every query has a timeout.

package import Base
import CRdKafka

/// Queries about topics.
package final class Inquiry: @unchecked Sendable {
    private let client: Client

    init(_ client: Client) { self.client = client }

    /// A topic's partitions, and the errors that the cluster reports for them.
    /// - Throws: `KafkaError`: `isUnknownTopic`, or no broker answered in time.
    package func partitions(of topic: String, timeoutMilliseconds: Int32) throws -> TopicPartitions {
        try client.partitions(of: topic, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// The topic's id as text, assigned at its creation (KIP-516); nil when the broker or the library has no ids, or
    /// the query fails.
    package func topicID(of topic: String, timeoutMilliseconds: Int32) -> String? {
        client.topicID(of: topic, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// The range of offsets of a partition, from its leader.
    /// - Throws: `KafkaError`.
    package func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange {
        try client.offsets(of: topic, partition: partition, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Consumer {
    /// Queries from threads other than the consumer's.
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
