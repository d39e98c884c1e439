// What one transaction writes. Values only; the store gives them their rows.

public import Windowing

/// What a message carried besides its value, for the topic that it is published to.
public struct SourceEnvelope: Equatable, Sendable {
    /// The key; nil when there was none.
    public let key: [UInt8]?
    /// The headers, in an encoding of the caller's; nil when there were none.
    public let headers: [UInt8]?
    /// Milliseconds since the Unix epoch; nil when the broker did not say.
    public let timestamp: Int64?

    /// Makes an envelope.
    public init(key: [UInt8]? = nil, headers: [UInt8]? = nil, timestamp: Int64? = nil) {
        (self.key, self.headers, self.timestamp) = (key, headers, timestamp)
    }
}

/// An event that came too late to be counted.
public struct LateEvent: Equatable, Sendable {
    /// Where it came from.
    public let partition: Int32
    /// Its offset in that partition.
    public let offset: Int64
    /// The user, where the event names one.
    public let userID: Int64?
    /// The postcode, byte for byte.
    public let postcode: String
    /// The page, where the event names one.
    public let webpage: String?
    /// Event time in microseconds since the Unix epoch.
    public let eventTimeMicroseconds: Int64
    /// The start of the window it belongs to, in milliseconds since the Unix epoch.
    public let windowStart: Int64
    /// How far its time was behind the watermark, in milliseconds.
    public let latenessMilliseconds: Int64
    /// When it was consumed, in milliseconds since the Unix epoch.
    public let receivedAt: Int64
    /// The message, unchanged.
    public let payload: [UInt8]
    /// Its key, headers and timestamp.
    public let envelope: SourceEnvelope

    /// Makes a late event from its parts.
    public init(
        partition: Int32, offset: Int64, userID: Int64?, postcode: String, webpage: String?,
        eventTimeMicroseconds: Int64, windowStart: Int64, latenessMilliseconds: Int64, receivedAt: Int64,
        payload: [UInt8], envelope: SourceEnvelope = SourceEnvelope()
    ) {
        self.envelope = envelope
        self.partition = partition
        self.offset = offset
        self.userID = userID
        self.postcode = postcode
        self.webpage = webpage
        self.eventTimeMicroseconds = eventTimeMicroseconds
        self.windowStart = windowStart
        self.latenessMilliseconds = latenessMilliseconds
        self.receivedAt = receivedAt
        self.payload = payload
    }
}

/// A message that is not an event.
public struct RejectedEvent: Equatable, Sendable {
    /// Where it came from.
    public let partition: Int32
    /// Its offset in that partition.
    public let offset: Int64
    /// Why, in words.
    public let reason: String
    /// The byte (from 0) at which the fault was found.
    public let bytePosition: Int64
    /// A printable piece of the message around that byte.
    public let excerpt: String
    /// When it was consumed, in milliseconds since the Unix epoch.
    public let receivedAt: Int64
    /// The message, unchanged, when it is to be published; nil when only its coordinates are kept.
    public let payload: [UInt8]?
    /// Its key, headers and timestamp, when it is to be published.
    public let envelope: SourceEnvelope

    /// Makes a rejected event from its parts.
    public init(
        partition: Int32, offset: Int64, reason: String, bytePosition: Int64, excerpt: String, receivedAt: Int64,
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
public struct RecordMark: Equatable, Sendable {
    /// Its offset.
    public let offset: Int64
    /// Its timestamp in Kafka, milliseconds since the Unix epoch; nil when it has none.
    public let timestamp: Int64?
    /// The epoch of the leader that appended it; nil when it is not known.
    public let leaderEpoch: Int32?
    /// 64 bits of its key and value.
    public let fingerprint: UInt64

    /// Makes a mark.
    public init(offset: Int64, timestamp: Int64?, leaderEpoch: Int32?, fingerprint: UInt64) {
        self.offset = offset
        self.timestamp = timestamp
        self.leaderEpoch = leaderEpoch
        self.fingerprint = fingerprint
    }

    /// Whether the other can be the same record. The epoch does not tell: a copy of a log may have others.
    public func isSame(as other: RecordMark) -> Bool {
        offset == other.offset && timestamp == other.timestamp && fingerprint == other.fingerprint
    }
}

/// How far one partition has come; sums are over the life of the state.
public struct PartitionProgress: Equatable, Sendable {
    /// The partition's number in Kafka.
    public let partition: Int32
    /// The first offset this state was to read.
    public var firstOffset: Int64
    /// The offset to read next.
    public var nextOffset: Int64
    /// The offset after the last record the broker has, as last heard.
    public var highWatermarkOffset: Int64?
    /// The largest event time, in milliseconds since the Unix epoch.
    public var maxEventTime: Int64?
    /// The offset of the record that brought it; nil when it is not known.
    public var maxEventOffset: Int64?
    /// The last record consumed; nil when there is none, or it is not known.
    public var lastRecord: RecordMark?
    /// The partition brought nothing for the idle timeout.
    public var isIdle: Bool
    /// Records consumed: counted + late + rejected.
    public var consumed: Int64 { counted + late + rejected }
    /// Events counted in a window.
    public var counted: Int64 = 0
    /// Events that came too late.
    public var late: Int64 = 0
    /// Messages that are not events.
    public var rejected: Int64 = 0

    /// A partition from which nothing was consumed yet.
    public init(partition: Int32, nextOffset: Int64) {
        self.partition = partition
        self.firstOffset = nextOffset
        self.nextOffset = nextOffset
        isIdle = false
    }
}

/// Something an operator has to know of.
public struct Incident: Equatable, Sendable {
    /// A short name, such as `missing-offsets`.
    public let kind: String
    /// What happened, with exact figures.
    public let detail: String

    /// Makes an incident.
    public init(kind: String, detail: String) {
        self.kind = kind
        self.detail = detail
    }
}

/// Everything that one flush writes.
public struct Flush {
    /// Counts since the last flush.
    public let counts: CountDeltas
    /// Late events since the last flush.
    public var late: [LateEvent] = []
    /// Rejected messages since the last flush.
    public var rejected: [RejectedEvent] = []
    /// Incidents since the last flush.
    public var incidents: [Incident] = []
    /// Every partition's progress.
    public var partitions: [PartitionProgress] = []
    /// Raw segments that were closed and are on the disk.
    public var segments: [Segment] = []
    /// The watermark in milliseconds since the Unix epoch; nil before there is one.
    public var watermark: Int64?
    /// Windows that end at or before this are final (milliseconds since the Unix epoch).
    public var finalBefore: Int64?
    /// Facts about the state (`Store.meta`) that are true once this is written.
    public var facts: [String: String] = [:]

    /// A flush of `counts` and nothing else yet.
    public init(counts: CountDeltas) {
        self.counts = counts
    }
}
