// Records with a header: sent by the producer, looked for by the consumer.

internal import CRdKafka

/// A header found in a record.
public struct FoundHeader: Equatable, Sendable {
    /// The record's partition.
    public let partition: Int32
    /// The record's offset.
    public let offset: Int64
    /// The header's value as text; nil when the record does not have the header.
    public let value: String?
    /// The record's key as text; nil when it has none.
    public let key: String?
}

extension Producer {
    /// Puts one record with one header into the local send queue.
    /// - Parameter tag: comes back with the delivery report.
    /// - Throws: `KafkaError`; `isQueueFull` when `poll` has to make room first.
    public func send(
        topic: String, partition: Int32, key: String, value: UnsafeRawBufferPointer, header: String,
        headerValue: String, tag: Int
    ) throws {
        let key = Array(key.utf8)
        let text = Array(headerValue.utf8)
        let code = pv_rd_kafka_produce_with_header(
            client.handle, topic, partition, key, key.count, value.baseAddress, value.count, header, text, text.count,
            UnsafeMutableRawPointer(bitPattern: tag))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code) }
    }

    /// The offsets a partition has, asked of its broker.
    /// - Throws: `KafkaError`.
    public func offsets(of topic: String, partition: Int32, timeoutMilliseconds: Int32) throws -> OffsetRange {
        try ask().offsets(of: topic, partition: partition, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Consumer {
    /// Waits for records of the assigned partitions and tells one header and the key of each.
    /// - Returns: the headers, and what else the batch brought.
    public func pollHeaders(named name: String, timeoutMilliseconds: Int32) -> (
        headers: [FoundHeader], notices: [Notice]
    ) {
        var found: [FoundHeader] = []
        let notices = pollMessages(timeoutMilliseconds: timeoutMilliseconds) { message in
            found.append(
                FoundHeader(
                    partition: message.pointee.partition, offset: message.pointee.offset,
                    value: Self.header(name, of: message), key: Self.key(of: message)))
        }
        return (found, notices)
    }

    private static func key(of message: UnsafeMutablePointer<rd_kafka_message_t>) -> String? {
        guard let key = message.pointee.key else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: key, count: message.pointee.key_len), as: UTF8.self)
    }

    private static func header(_ name: String, of message: UnsafeMutablePointer<rd_kafka_message_t>) -> String? {
        var headers: OpaquePointer?
        guard rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR, headers != nil else {
            return nil
        }
        var value: UnsafeRawPointer?
        var count = 0
        guard rd_kafka_header_get_last(headers, name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: value, count: count), as: UTF8.self)
    }
}
