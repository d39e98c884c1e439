// The contents of one flush, as values. Store+Flush.swift writes them in one transaction.

package import Base
package import Windowing

/// The parts of a message other than its value, for the topic that it is published to.
package struct SourceEnvelope: Equatable, Sendable {
    /// The key; nil when there was none.
    package let key: [UInt8]?
    /// The headers, in the caller's encoding; nil when there were none.
    package let headers: [UInt8]?
    /// The timestamp, in milliseconds since the Unix epoch; nil when there was none.
    package let timestamp: Int64?

    /// An envelope from its parts.
    package init(key: [UInt8]? = nil, headers: [UInt8]? = nil, timestamp: Int64? = nil) {
        (self.key, self.headers, self.timestamp) = (key, headers, timestamp)
    }
}

/// An event that arrived too late to be counted.
package struct LateEvent: Equatable, Sendable {
    /// The record's partition.
    package let partition: PartitionID
    /// The record's offset.
    package let offset: KafkaOffset
    /// The user, where the event names one.
    package let userID: Int64?
    /// The postcode, byte for byte.
    package let postcode: String
    /// The page, where the event names one.
    package let webpage: String?
    /// The event time.
    package let eventTime: EventTime
    /// The start of the event's window.
    package let windowStart: WindowStart
    /// The distance of the event time from the watermark, in milliseconds.
    package let latenessMilliseconds: Int64
    /// When it was consumed, in milliseconds since the Unix epoch.
    package let receivedAt: Int64
    /// The message, unchanged.
    package let payload: [UInt8]
    /// The message's key, headers and timestamp.
    package let envelope: SourceEnvelope

    /// A late event from its parts.
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
    /// The record's partition.
    package let partition: PartitionID
    /// The record's offset.
    package let offset: KafkaOffset
    /// Why the message is not an event, in words.
    package let reason: String
    /// The byte, from 0, at which the parser found the fault.
    package let bytePosition: Int64
    /// A printable excerpt of the message around that byte.
    package let excerpt: String
    /// When it was consumed, in milliseconds since the Unix epoch.
    package let receivedAt: Int64
    /// The message, unchanged, when it is to be published; nil when only its partition and offset are kept.
    package let payload: [UInt8]?
    /// The message's key, headers and timestamp, when it is to be published.
    package let envelope: SourceEnvelope

    /// A rejected message from its parts.
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

/// Identifies a record, to detect another record at the same offset in a topic with the same name.
package struct RecordMark: Equatable, Sendable {
    /// The record's offset.
    package let offset: KafkaOffset
    /// The record's timestamp in Kafka, in milliseconds since the Unix epoch; nil when it has none.
    package let timestamp: Int64?
    /// The epoch of the leader that appended the record; nil when it is not known.
    package let leaderEpoch: Int32?
    /// A hash of the record's key and value.
    package let fingerprint: UInt64

    /// A mark from its parts.
    package init(offset: KafkaOffset, timestamp: Int64?, leaderEpoch: Int32?, fingerprint: UInt64) {
        self.offset = offset
        self.timestamp = timestamp
        self.leaderEpoch = leaderEpoch
        self.fingerprint = fingerprint
    }

    /// Whether the other mark can be of the same record. Ignores the leader's epoch, which differs in a copy of a log.
    package func isSame(as other: RecordMark) -> Bool {
        offset == other.offset && timestamp == other.timestamp && fingerprint == other.fingerprint
    }
}

/// The progress of one partition. Sums are over the life of the state.
package struct PartitionProgress: Equatable, Sendable {
    /// The partition's number in Kafka.
    package let partition: PartitionID
    /// The first offset that this state was to read.
    package var firstOffset: KafkaOffset
    /// The offset to read next.
    package var nextOffset: KafkaOffset
    /// The high watermark (exclusive) that the broker last reported; nil before the first report.
    package var highWatermarkOffset: KafkaOffset?
    /// The largest event time, events beyond the future skew excluded; nil before the first event.
    package var maxEventTime: EventTime?
    /// The offset of the record with `maxEventTime`; nil when it is not known.
    package var maxEventOffset: KafkaOffset?
    /// The last record consumed; nil when there is none or it is not known.
    package var lastRecord: RecordMark?
    /// Whether the partition was at its end without records for the idle timeout.
    package var isIdle: Bool
    /// Records consumed: counted + late + rejected.
    package var consumed: Int64 { counted + late + rejected }
    /// Events counted in a window.
    package var counted: Int64 = 0
    /// Events that arrived too late.
    package var late: Int64 = 0
    /// Messages that are not events.
    package var rejected: Int64 = 0

    /// A partition before the first record.
    package init(partition: PartitionID, nextOffset: KafkaOffset) {
        self.partition = partition
        self.firstOffset = nextOffset
        self.nextOffset = nextOffset
        isIdle = false
    }
}

/// The contents of one flush.
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
    /// Closed raw segments whose files are synced.
    package var segments: [Segment] = []
    /// The watermark; nil before there is one.
    package var watermark: EventTime?
    /// Windows that end at or before this are final.
    package var finalBefore: WindowStart?
    /// Values for the table `meta`.
    package var facts: [MetaKey: String] = [:]

    /// A flush of `counts` alone.
    package init(counts: CountDeltas) {
        self.counts = counts
    }
}
