// Sends records and learns what became of each.
// Invariants: one thread uses a producer; librdkafka copies the bytes; a record counts as delivered only when the
// broker's acknowledgement was seen by `poll` or `flush`.

internal import CRdKafka

/// A producer.
public final class Producer {
    let client: Client
    private let settings: [(String, String)]
    /// Answers questions about topics, since those of a producer create the topic they are about.
    private var asker: Client?
    private var topics: [String: OpaquePointer] = [:]

    /// - Parameters:
    ///   - settings: librdkafka settings, later ones win.
    ///   - delivered: called by `poll` and `flush` for each record that was sent.
    /// - Throws: `KafkaError` for a setting that librdkafka refuses.
    public init(
        settings: [(String, String)], log: @escaping @Sendable (KafkaLogLine) -> Void,
        delivered: @escaping (Delivery) -> Void
    ) throws {
        try ReservedSettings.check(settings)
        self.settings = settings
        client = try Client(RD_KAFKA_PRODUCER, settings: settings, log: log)
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
    public func send(
        topic: String, partition: Int32?, key: UnsafeRawBufferPointer? = nil, value: UnsafeRawBufferPointer?,
        tag: Int = 0
    ) throws {
        let handle = try topicHandle(topic)
        // librdkafka reads a null pointer as a null value, so an empty one needs some address.
        let start = value.flatMap { $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1) }
        let result = rd_kafka_produce(
            handle, partition ?? RD_KAFKA_PARTITION_UA, Int32(RD_KAFKA_MSG_F_COPY),
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
    public func poll(timeoutMilliseconds: Int32) {
        rd_kafka_poll(client.handle, timeoutMilliseconds)
    }

    /// Waits until every record was delivered or failed, or the time is up.
    /// - Returns: whether nothing is left in the queue.
    public func flush(timeoutMilliseconds: Int32) -> Bool {
        rd_kafka_flush(client.handle, timeoutMilliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// The errors since the last call.
    public func takeErrors() -> [KafkaError] { client.callbacks.takeErrors() }

    /// The number of partitions of a topic; one that is missing stays so.
    /// - Throws: `KafkaError`: `isUnknownTopic`, or no broker answered in time.
    public func partitionCount(of topic: String, timeoutMilliseconds: Int32) throws -> Int {
        try ask().partitionCounts(of: topic, timeoutMilliseconds: timeoutMilliseconds)[topic] ?? 0
    }

    /// A client for questions, connected when there is a first one.
    func ask() throws -> Client {
        if let asker { return asker }
        let made = try Client(
            RD_KAFKA_CONSUMER,
            settings: [("enable.auto.commit", "false")] + settings.filter { !Self.ofProducers.contains($0.0) }
                + [("allow.auto.create.topics", "false")],
            log: { _ in })
        asker = made
        return made
    }

    /// Settings of which a consumer would only say that they are not for it.
    private static let ofProducers: Set<String> = [
        "enable.idempotence", "transactional.id", "transaction.timeout.ms", "message.timeout.ms", "linger.ms", "acks",
        "request.required.acks", "queue.buffering.max.messages", "queue.buffering.max.kbytes", "batch.size",
        "compression.codec", "compression.type", "partitioner",
    ]
}
