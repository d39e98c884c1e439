// Reads whole messages (key, headers, timestamp) of a topic's partitions, one partition at a time or all together, for
// people who browse a topic. Not for the event path: it copies every message.
// One thread uses a reader (it is not `Sendable`). A reader joins no group, commits no offsets and creates no topics;
// its settings say so, and `ReservedSettings` rejects others. librdkafka queues at most `queueBytes` over all
// partitions, plus one message per partition.

package import Base
import CRdKafka

/// A message, copied.
package struct Message: Equatable, Sendable {
    /// A header; a message may repeat a name.
    package struct Header: Equatable, Sendable {
        /// Its name.
        package let name: String
        /// Its value; nil when it is null.
        package let value: [UInt8]?

        /// Makes a header.
        package init(name: String, value: [UInt8]?) { (self.name, self.value) = (name, value) }
    }

    /// The partition.
    package let partition: PartitionID
    /// The offset.
    package let offset: KafkaOffset
    /// The creation or append time, milliseconds since the Unix epoch; nil when the record has none.
    package let timestamp: Int64?
    /// The key; nil when there is none.
    package let key: [UInt8]?
    /// The value; nil for a tombstone.
    package let value: [UInt8]?
    /// The headers in their order.
    package let headers: [Header]

    /// Makes a message.
    package init(
        partition: PartitionID, offset: KafkaOffset, timestamp: Int64?, key: [UInt8]?, value: [UInt8]?,
        headers: [Header] = []
    ) {
        (self.partition, self.offset, self.timestamp) = (partition, offset, timestamp)
        (self.key, self.value, self.headers) = (key, value, headers)
    }

    /// The approximate size in memory, in bytes.
    package var bytes: Int {
        headers.reduce(768 + (key?.count ?? 0) + (value?.count ?? 0)) {
            $0 + 64 + $1.name.utf8.count + ($1.value?.count ?? 0)
        }
    }
}

/// An event of reading.
package enum ReadEvent: Equatable, Sendable {
    /// The next message.
    case message(Message)
    /// The partition has no message at this offset yet.
    case end(partition: PartitionID, offset: KafkaOffset)
    /// The partition cannot be read.
    case failed(partition: PartitionID, KafkaError)
}

/// Reads the partitions of one topic.
package final class TopicReader {
    private let client: Client
    private let topic: OpaquePointer
    private let shared: OpaquePointer?
    private var started: Set<PartitionID> = []

    /// - Parameters:
    ///   - settings: librdkafka settings, later ones win; `bootstrap.servers` among them.
    ///   - name: the topic's name.
    ///   - partitions: the number of its partitions that the caller will read.
    ///   - queueBytes: the limit in bytes on queued messages over all partitions.
    ///   - log: receives librdkafka's log lines, on any of its threads.
    /// - Throws: `KafkaError` for a setting that `ReservedSettings` or librdkafka rejects.
    package init(
        settings: [(String, String)], topic name: String, partitions: Int, queueBytes: Int = 8 << 20,
        log: @escaping @Sendable (KafkaLogLine) -> Void
    ) throws {
        try ReservedSettings.check(settings)
        client = try Client(
            RD_KAFKA_CONSUMER, settings: Self.bounds(queueBytes, partitions) + settings, log: log)
        guard let made = rd_kafka_topic_new(client.handle, name, nil) else { throw KafkaError(rd_kafka_last_error()) }
        topic = made
        shared = rd_kafka_queue_new(client.handle)
    }

    deinit {
        for partition in started { rd_kafka_consume_stop(topic, partition.rawValue) }
        if let shared { rd_kafka_queue_destroy(shared) }
        rd_kafka_topic_destroy(topic)
    }

    /// A queued message costs hundreds of bytes beyond its content, so the number of messages is bounded too.
    private static func bounds(_ bytes: Int, _ partitions: Int) -> [(String, String)] {
        let each = max(64, (bytes >> 10) / max(1, partitions))
        return [
            ("allow.auto.create.topics", "false"), ("enable.auto.commit", "false"), ("enable.partition.eof", "true"),
            ("auto.offset.reset", "error"), ("queued.max.messages.kbytes", String(each)),
            ("queued.min.messages", String(max(100, each * 1024 / 256))),
            ("fetch.message.max.bytes", String(min(500_000, each << 10))), ("fetch.max.bytes", "500000"),
            // A producer's setting, but `fetch.max.bytes` may not be less. Larger messages still arrive.
            ("message.max.bytes", "500000"),
        ]
    }

    /// Starts reading a partition; its messages come from `next(ofPartition:)`, or from `next` when `together`.
    /// - Throws: `KafkaError`.
    package func start(_ position: Position, together: Bool = false) throws {
        stop(position.partition)
        let (partition, offset) = (position.partition.rawValue, position.offset.rawValue)
        let code =
            together
            ? rd_kafka_consume_start_queue(topic, partition, offset, shared)
            : rd_kafka_consume_start(topic, partition, offset)
        guard code == 0 else { throw KafkaError(rd_kafka_last_error()) }
        started.insert(position.partition)
    }

    /// Stops reading a partition.
    package func stop(_ partition: PartitionID) {
        guard started.remove(partition) != nil else { return }
        rd_kafka_consume_stop(topic, partition.rawValue)
    }

    /// The next event of one partition; nil when none arrives in time.
    package func next(ofPartition partition: PartitionID, timeoutMilliseconds: Int32) -> ReadEvent? {
        event(rd_kafka_consume(topic, partition.rawValue, timeoutMilliseconds))
    }

    /// The next event of the partitions that were started together; nil when none arrives in time.
    package func next(timeoutMilliseconds: Int32) -> ReadEvent? {
        event(rd_kafka_consume_queue(shared, timeoutMilliseconds))
    }

    /// The client's errors since the last call.
    package func takeErrors() -> [KafkaError] {
        rd_kafka_poll(client.handle, 0)
        return client.callbacks.takeErrors()
    }

    private func event(_ message: UnsafeMutablePointer<rd_kafka_message_t>?) -> ReadEvent? {
        guard let message else { return nil }
        defer { rd_kafka_message_destroy(message) }
        let content = message.pointee
        let partition = PartitionID(rawValue: content.partition)
        switch content.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR: return .message(Self.copy(message))
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            return .end(partition: partition, offset: KafkaOffset(rawValue: content.offset))
        default:
            let text = Self.bytes(content.payload, content.len).map { String(decoding: $0, as: UTF8.self) }
            return .failed(partition: partition, KafkaError(content.err, text))
        }
    }

    static func copy(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> Message {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = rd_kafka_message_timestamp(message, &kind)
        let content = message.pointee
        return Message(
            partition: PartitionID(rawValue: content.partition), offset: KafkaOffset(rawValue: content.offset),
            timestamp: kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? nil : timestamp,
            key: bytes(content.key, content.key_len), value: bytes(content.payload, content.len),
            headers: headers(message))
    }

    private static func headers(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> [Message.Header] {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, list != nil else { return [] }
        var found: [Message.Header] = []
        var (name, value, count): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
        while rd_kafka_header_get_all(list, found.count, &name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR {
            let text = name.map { String(cString: $0) } ?? ""
            found.append(Message.Header(name: text, value: bytes(value, count)))
        }
        return found
    }

    private static func bytes(_ start: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
        start.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
    }
}
