// Sends records and reports the delivery of each.
// One thread uses a producer (it is not `Sendable`). librdkafka copies the bytes. `poll` and `flush` report a record as
// delivered only after the broker's acknowledgement.

package import Base
import CRdKafka

/// A producer of records.
package final class Producer {
    let client: Client
    private var topics: [String: OpaquePointer] = [:]

    /// - Parameters:
    ///   - settings: librdkafka settings, later ones win.
    ///   - resetsSockets: closing a connection, also at the end of the process, drops the bytes that the kernel has not
    ///     sent.
    ///   - log: receives librdkafka's log lines, on any of its threads.
    ///   - delivered: called by `poll` and `flush` for each sent record.
    /// - Throws: `KafkaError` for a setting that `ReservedSettings` or librdkafka rejects.
    package init(
        settings: [(String, String)], resetsSockets: Bool = false, log: @escaping @Sendable (KafkaLogLine) -> Void,
        delivered: @escaping (Delivery) -> Void
    ) throws {
        try ReservedSettings.check(settings)
        // By default a producer's metadata request creates the topic.
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
    ///   - tag: returned in the delivery report.
    /// - Throws: `KafkaError`; `isQueueFull` when `poll` has to make room first.
    package func send(
        topic: String, partition: PartitionID?, key: UnsafeRawBufferPointer? = nil, value: UnsafeRawBufferPointer?,
        tag: Int = 0
    ) throws {
        let handle = try topicHandle(topic)
        // A null pointer means a null value to librdkafka, so an empty value needs a non-null address.
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

    /// Waits until every record is delivered or has failed, or the timeout expires.
    /// - Returns: whether the queue is empty.
    package func flush(timeoutMilliseconds: Int32) -> Bool {
        rd_kafka_flush(client.handle, timeoutMilliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// Drops the records that are queued or not yet acknowledged. Their delivery reports carry a purge error.
    package func purge() {
        rd_kafka_purge(
            client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING)
    }

    /// The errors since the last call.
    package func takeErrors() -> [KafkaError] { client.callbacks.takeErrors() }

    /// The number of partitions of a topic. Never creates it.
    /// - Throws: `KafkaError`: `isUnknownTopic`, or no broker answered in time.
    package func partitionCount(of topic: String, timeoutMilliseconds: Int32) throws -> Int {
        try client.partitionCounts(of: topic, timeoutMilliseconds: timeoutMilliseconds)[topic] ?? 0
    }
}
