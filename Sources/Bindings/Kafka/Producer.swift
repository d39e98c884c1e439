// Sends records and learns what became of each.
// Invariants: one thread uses a producer; librdkafka copies the bytes; a record counts as delivered only when the
// broker's acknowledgement was seen by `poll` or `flush`.

package import Base
import CRdKafka

/// A producer.
package final class Producer {
    let client: Client
    private var topics: [String: OpaquePointer] = [:]

    /// - Parameters:
    ///   - settings: librdkafka settings, later ones win.
    ///   - resetsSockets: nothing leaves the machine any more once the process has ended.
    ///   - delivered: called by `poll` and `flush` for each record that was sent.
    /// - Throws: `KafkaError` for a setting that librdkafka refuses.
    package init(
        settings: [(String, String)], resetsSockets: Bool = false, log: @escaping @Sendable (KafkaLogLine) -> Void,
        delivered: @escaping (Delivery) -> Void
    ) throws {
        try ReservedSettings.check(settings)
        // Of a producer, too, a question about a topic would create it.
        let settings = settings + [("allow.auto.create.topics", "false")]
        client = try Client(RD_KAFKA_PRODUCER, settings: settings, resetsSockets: resetsSockets, log: log)
        client.callbacks.delivered = delivered
    }

    deinit {
        for topic in topics.values { rd_kafka_topic_destroy(topic) }
    }

    /// Puts one record into the local send queue.
    /// - Parameters:
    ///   - partition: the partition; nil lets the partitioner choose.
    ///   - tag: comes back with the delivery report.
    /// - Throws: `KafkaError`; `isQueueFull` when `poll` has to make room first.
    package func send(
        topic: String, partition: PartitionID?, key: UnsafeRawBufferPointer? = nil, value: UnsafeRawBufferPointer?,
        tag: Int = 0
    ) throws {
        let handle = try topicHandle(topic)
        // librdkafka reads a null pointer as a null value, so an empty one needs some address.
        let start = value.flatMap { $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1) }
        let result = rd_kafka_produce(
            handle, partition?.rawValue ?? RD_KAFKA_PARTITION_UA, Int32(RD_KAFKA_MSG_F_COPY),
            UnsafeMutableRawPointer(mutating: start), value?.count ?? 0,
            key?.baseAddress, key?.count ?? 0, UnsafeMutableRawPointer(bitPattern: tag))
        guard result == 0 else { throw KafkaError(rd_kafka_last_error()) }
    }

    private func topicHandle(_ topic: String) throws -> OpaquePointer {
        if let known = topics[topic] { return known }
        guard let made = rd_kafka_topic_new(client.handle, topic, nil) else { throw KafkaError(rd_kafka_last_error()) }
        topics[topic] = made
        return made
    }

    /// Serves delivery reports for up to `timeoutMilliseconds`.
    package func poll(timeoutMilliseconds: Int32) {
        rd_kafka_poll(client.handle, timeoutMilliseconds)
    }

    /// Waits until every record was delivered or failed, or the time is up.
    /// - Returns: whether nothing is left in the queue.
    package func flush(timeoutMilliseconds: Int32) -> Bool {
        rd_kafka_flush(client.handle, timeoutMilliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// Drops what waits to be sent and what was not acknowledged yet; their reports name it as purged.
    package func purge() {
        rd_kafka_purge(
            client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING)
    }

    /// The errors since the last call.
    package func takeErrors() -> [KafkaError] { client.callbacks.takeErrors() }

    /// The number of partitions of a topic; one that is missing stays so.
    /// - Throws: `KafkaError`: `isUnknownTopic`, or no broker answered in time.
    package func partitionCount(of topic: String, timeoutMilliseconds: Int32) throws -> Int {
        try client.partitionCounts(of: topic, timeoutMilliseconds: timeoutMilliseconds)[topic] ?? 0
    }
}
