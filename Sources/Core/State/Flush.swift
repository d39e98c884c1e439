// What one transaction writes. Values only; the store gives them their rows.

package import Base
package import Windowing

/// What a message carried besides its value, for the topic that it is published to.
package struct SourceEnvelope: Equatable, Sendable {
    /// The key; nil when there was none.
    package let key: [UInt8]?
    /// The headers, in an encoding of the caller's; nil when there were none.
    package let headers: [UInt8]?
    /// Milliseconds since the Unix epoch; nil when the broker did not say.
    package let timestamp: Int64?

    /// Makes an envelope.
    package init(key: [UInt8]? = nil, headers: [UInt8]? = nil, timestamp: Int64? = nil) {
        (self.key, self.headers, self.timestamp) = (key, headers, timestamp)
    }
}

/// An event that came too late to be counted.
package struct LateEvent: Equatable, Sendable {
    /// Where it came from.
    package let partition: PartitionID
    /// Its offset in that partition.
    package let offset: KafkaOffset
    /// The user, where the event names one.
    package let userID: Int64?
    /// The postcode, byte for byte.
    package let postcode: String
    /// The page, where the event names one.
    package let webpage: String?
    /// Its event time.
    package let eventTime: EventTime
    /// The start of the window it belongs to.
    package let windowStart: WindowStart
    /// How far its time was behind the watermark, in milliseconds.
    package let latenessMilliseconds: Int64
    /// When it was consumed, in milliseconds since the Unix epoch.
    package let receivedAt: Int64
    /// The message, unchanged.
    package let payload: [UInt8]
    /// Its key, headers and timestamp.
    package let envelope: SourceEnvelope

    /// Makes a late event from its parts.
    package init(
        partition: PartitionID, offset: KafkaOffset, userID: Int64?, postcode: String, webpage: String?,
        eventTime: EventTime, windowStart: WindowStart, latenessMilliseconds: Int64, receivedAt: Int64,
        payload: [UInt8], envelope: SourceEnvelope = SourceEnvelope()
    ) {
        self.envelope = envelope
        self.partition = partition
        self.offset = offset
        self.userID = userID
        self.postcode = postcode
        self.webpage = webpage
        self.eventTime = eventTime
        self.windowStart = windowStart
        self.latenessMilliseconds = latenessMilliseconds
        self.receivedAt = receivedAt
        self.payload = payload
    }
}

/// A message that is not an event.
package struct RejectedEvent: Equatable, Sendable {
    /// Where it came from.
    package let partition: PartitionID
    /// Its offset in that partition.
    package let offset: KafkaOffset
    /// Why, in words.
    package let reason: String
    /// The byte (from 0) at which the fault was found.
    package let bytePosition: Int64
    /// A printable piece of the message around that byte.
    package let excerpt: String
    /// When it was consumed, in milliseconds since the Unix epoch.
    package let receivedAt: Int64
    /// The message, unchanged, when it is to be published; nil when only its coordinates are kept.
    package let payload: [UInt8]?
    /// Its key, headers and timestamp, when it is to be published.
    package let envelope: SourceEnvelope

    /// Makes a rejected event from its parts.
    package init(
        partition: PartitionID, offset: KafkaOffset, reason: String, bytePosition: Int64, excerpt: String,
        receivedAt: Int64,
        payload: [UInt8]? = nil, envelope: SourceEnvelope = SourceEnvelope()
    ) {
        self.envelope = envelope
        self.payload = payload
        self.partition = partition
        self.offset = offset
        self.reason = reason
        self.bytePosition = bytePosition
        self.excerpt = excerpt
        self.receivedAt = receivedAt
    }
}

/// What tells a record from any other at the same offset of a log with the same name.
package struct RecordMark: Equatable, Sendable {
    /// Its offset.
    package let offset: KafkaOffset
    /// Its timestamp in Kafka, milliseconds since the Unix epoch; nil when it has none.
    package let timestamp: Int64?
    /// The epoch of the leader that appended it; nil when it is not known.
    package let leaderEpoch: Int32?
    /// 64 bits of its key and value.
    package let fingerprint: UInt64

    /// Makes a mark.
    package init(offset: KafkaOffset, timestamp: Int64?, leaderEpoch: Int32?, fingerprint: UInt64) {
        self.offset = offset
        self.timestamp = timestamp
        self.leaderEpoch = leaderEpoch
        self.fingerprint = fingerprint
    }

    /// Whether the other can be the same record. The epoch does not tell: a copy of a log may have others.
    package func isSame(as other: RecordMark) -> Bool {
        offset == other.offset && timestamp == other.timestamp && fingerprint == other.fingerprint
    }
}

/// How far one partition has come; sums are over the life of the state.
package struct PartitionProgress: Equatable, Sendable {
    /// The partition's number in Kafka.
    package let partition: PartitionID
    /// The first offset this state was to read.
    package var firstOffset: KafkaOffset
    /// The offset to read next.
    package var nextOffset: KafkaOffset
    /// The offset after the last record the broker has, as last heard.
    package var highWatermarkOffset: KafkaOffset?
    /// The largest event time.
    package var maxEventTime: EventTime?
    /// The offset of the record that brought it; nil when it is not known.
    package var maxEventOffset: KafkaOffset?
    /// The last record consumed; nil when there is none, or it is not known.
    package var lastRecord: RecordMark?
    /// The partition brought nothing for the idle timeout.
    package var isIdle: Bool
    /// Records consumed: counted + late + rejected.
    package var consumed: Int64 { counted + late + rejected }
    /// Events counted in a window.
    package var counted: Int64 = 0
    /// Events that came too late.
    package var late: Int64 = 0
    /// Messages that are not events.
    package var rejected: Int64 = 0

    /// A partition from which nothing was consumed yet.
    package init(partition: PartitionID, nextOffset: KafkaOffset) {
        self.partition = partition
        self.firstOffset = nextOffset
        self.nextOffset = nextOffset
        isIdle = false
    }
}

/// Everything that one flush writes.
package struct Flush {
    /// Counts since the last flush.
    package let counts: CountDeltas
    /// Late events since the last flush.
    package var late: [LateEvent] = []
    /// Rejected messages since the last flush.
    package var rejected: [RejectedEvent] = []
    /// Incidents since the last flush.
    package var incidents: [Incident] = []
    /// Every partition's progress.
    package var partitions: [PartitionProgress] = []
    /// Raw segments that were closed and are on the disk.
    package var segments: [Segment] = []
    /// The watermark; nil before there is one.
    package var watermark: EventTime?
    /// Windows that end at or before this are final.
    package var finalBefore: WindowStart?
    /// Facts about the state that are true once this is written.
    package var facts: [MetaKey: String] = [:]

    /// A flush of `counts` and nothing else yet.
    package init(counts: CountDeltas) {
        self.counts = counts
    }
}
