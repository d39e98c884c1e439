// Decides where to start reading a partition, from the state's next offset and Kafka's range. Pure.

import Base
import Kafka

/// The start of one partition.
enum StartPosition: Equatable {
    /// Read from this offset.
    case read(from: KafkaOffset)
    /// Kafka no longer has the offsets from `from` (inclusive) to `to` (exclusive).
    case lost(from: KafkaOffset, to: KafkaOffset)
    /// The state's next offset is beyond the partition's end (exclusive).
    case beyondEnd(next: KafkaOffset, end: KafkaOffset)

    /// - Parameters:
    ///   - next: the state's next offset; nil for a partition that the state does not have.
    ///   - range: the partition's offsets in Kafka.
    static func decide(next: KafkaOffset?, range: OffsetRange) -> StartPosition {
        guard let next else { return .read(from: range.low) }
        if next < range.low { return .lost(from: next, to: range.low) }
        if next > range.high { return .beyondEnd(next: next, end: range.high) }
        return .read(from: next)
    }
}
