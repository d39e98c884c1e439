// librdkafka's in-process broker, for the demo and for tests. Other processes can connect to it.
// It keeps the newest records, about 5 MB per partition, in memory until this object is deinitialized.

import CRdKafka

/// A Kafka-compatible broker inside this process, on loopback.
package final class InProcessBroker {
    private let client: Client
    private let cluster: OpaquePointer

    /// Starts one broker.
    /// - Throws: `KafkaError`.
    package init() throws {
        client = try Client(RD_KAFKA_PRODUCER, settings: [], log: { _ in })
        guard let made = rd_kafka_mock_cluster_new(client.handle, 1) else {
            throw KafkaError("the in-process broker did not start")
        }
        cluster = made
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
    }

    /// The value for `bootstrap.servers`.
    package var bootstrapServers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    /// Creates a topic.
    /// - Throws: `KafkaError`.
    package func createTopic(_ name: String, partitions: Int) throws {
        let code = rd_kafka_mock_topic_create(cluster, name, Int32(clamping: partitions), 1)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code) }
    }
}
