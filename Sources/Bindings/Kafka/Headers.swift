// Keys, headers and timestamps of consumed records, on request, and of records to send.

package import Base
import CRdKafka

/// The parts of a message other than its value.
package struct Envelope: Equatable, Sendable {
    /// The key; nil when there is none.
    package var key: [UInt8]?
    /// The headers in their order.
    package var headers: [Message.Header]
    /// Milliseconds since the Unix epoch; nil when there is none.
    package var timestamp: Int64?

    /// Makes an envelope.
    package init(key: [UInt8]? = nil, headers: [Message.Header] = [], timestamp: Int64? = nil) {
        (self.key, self.headers, self.timestamp) = (key, headers, timestamp)
    }

    /// The value of the last header of this name; nil when there is none or it is null.
    package func lastHeader(_ name: String) -> [UInt8]? { headers.last { $0.name == name }?.value }
}

extension Record {
    /// Copies key, headers and timestamp. Valid only while the batch's body runs.
    package func copyEnvelope() -> Envelope {
        if let details { return details.envelope }
        guard let message = message?.assumingMemoryBound(to: rd_kafka_message_t.self) else { return Envelope() }
        let copy = TopicReader.copy(message)
        return Envelope(key: copy.key, headers: copy.headers, timestamp: copy.timestamp)
    }
}

extension Producer {
    /// Puts one record into the local send queue.
    /// - Parameters:
    ///   - envelope: key, headers and timestamp; without a timestamp librdkafka sets the current time.
    ///   - tag: returned in the delivery report.
    /// - Throws: `KafkaError`; `isQueueFull` when `poll` has to make room first.
    package func send(
        topic: String, partition: PartitionID, value: UnsafeRawBufferPointer, envelope: Envelope, tag: Int
    ) throws {
        let headers = rd_kafka_headers_new(envelope.headers.count)
        for header in envelope.headers {
            Self.withAddress(header.value) { _ = rd_kafka_header_add(headers, header.name, -1, $0, $1) }
        }
        let code = Self.withAddress(envelope.key) { key, size in
            pv_rd_kafka_produce(
                client.handle, topic, partition.rawValue, key, size, value.baseAddress ?? Self.empty, value.count,
                headers,
                max(0, envelope.timestamp ?? 0), UnsafeMutableRawPointer(bitPattern: tag))
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            rd_kafka_headers_destroy(headers)
            throw KafkaError(code)
        }
    }

    /// A null pointer means null to librdkafka, so an empty value needs a non-null address.
    private static var empty: UnsafeRawPointer? { UnsafeRawPointer(bitPattern: 1) }

    private static func withAddress<Result>(
        _ bytes: [UInt8]?, _ body: (UnsafeRawPointer?, Int) -> Result
    ) -> Result {
        guard let bytes else { return body(nil, 0) }
        return bytes.withUnsafeBytes { body($0.baseAddress ?? empty, $0.count) }
    }

    /// The range of offsets of a partition, from its leader.
    /// - Throws: `KafkaError`.
    package func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange {
        try client.offsets(of: topic, partition: partition, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Consumer {
    /// Waits for records of the assigned partitions and copies them whole. Not for the event path.
    /// - Returns: the messages and the notices of one batch.
    package func pollCopies(timeoutMilliseconds: Int32) -> (messages: [Message], notices: [Notice]) {
        var found: [Message] = []
        let notices = pollMessages(timeoutMilliseconds: timeoutMilliseconds) { found.append(TopicReader.copy($0)) }
        return (found, notices)
    }
}
