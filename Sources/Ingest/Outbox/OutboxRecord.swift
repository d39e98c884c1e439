// Recognises a publisher's own records and other publishers' records of the same source.
//
// A record is the source message with four more headers. `pageviews-outbox` has the state's id and the row's number;
// the others have the message's origin. Records of earlier versions had the origin, `PARTITION/OFFSET`, as their key.

import Base
import Kafka
import State

/// The source partition and offset of a message.
struct OutboxOrigin: Hashable {
    let partition: PartitionID
    let offset: KafkaOffset
}

/// A publisher's record that was found in the topic.
struct OutboxRecord: Equatable {
    /// The state that published it.
    let stateID: String
    /// The row's number in that state.
    let number: Int64
    /// The source's topic; nil in records of earlier versions.
    let topic: String?
    /// The message's origin; nil when it cannot be parsed.
    let origin: OutboxOrigin?
}

extension OutboxRecord {
    static let outboxHeader = "pageviews-outbox"
    static let topicHeader = "pageviews-topic"
    static let partitionHeader = "pageviews-partition"
    static let offsetHeader = "pageviews-offset"

    /// nil for a record that no publisher of this program has sent.
    init?(_ message: Message) {
        let envelope = Envelope(key: message.key, headers: message.headers)
        func text(_ name: String) -> String? {
            envelope.lastHeader(name).map { String(decoding: $0, as: UTF8.self) }
        }
        guard let parts = text(Self.outboxHeader)?.split(separator: ":", omittingEmptySubsequences: false),
            parts.count == 2, !parts[0].isEmpty, let number = Int64(parts[1])
        else { return nil }
        (stateID, self.number, topic) = (String(parts[0]), number, text(Self.topicHeader))
        if let partition = text(Self.partitionHeader).flatMap({ PartitionID($0) }),
            let offset = text(Self.offsetHeader).flatMap({ KafkaOffset($0) })
        {
            origin = OutboxOrigin(partition: partition, offset: offset)
        } else {
            origin = message.key.flatMap { Self.origin(ofKey: String(decoding: $0, as: UTF8.self)) }
        }
    }

    /// The origin in a key of an earlier version; nil for any other key.
    static func origin(ofKey key: String) -> OutboxOrigin? {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let partition = PartitionID(parts[0]), let offset = KafkaOffset(parts[1]) else {
            return nil
        }
        return OutboxOrigin(partition: partition, offset: offset)
    }

    /// The key, headers and timestamp of a row's record.
    static func envelope(_ row: OutboxRow, stateID: String, topic: String) -> Envelope {
        func header(_ name: String, _ value: String) -> Message.Header {
            Message.Header(name: name, value: Array(value.utf8))
        }
        let added = [
            header(topicHeader, topic), header(partitionHeader, "\(row.partition)"),
            header(offsetHeader, "\(row.offset)"), header(outboxHeader, "\(stateID):\(row.number)"),
        ]
        return Envelope(
            key: row.envelope.key, headers: HeaderCodec.decode(row.envelope.headers) + added,
            timestamp: row.envelope.timestamp)
    }
}
