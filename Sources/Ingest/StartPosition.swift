// Where to start reading a partition: a pure decision from what the state says and what Kafka has.

import Base
import Kafka

/// What to do with one partition.
enum StartPosition: Equatable {
    /// Read from this offset.
    case read(from: KafkaOffset)
    /// Offsets from `from` (inclusive) to `to` (exclusive) are gone.
    case lost(from: KafkaOffset, to: KafkaOffset)
    /// The state is beyond the partition's end.
    case beyondEnd(next: KafkaOffset, end: KafkaOffset)

    /// - Parameters:
    ///   - next: the state's next offset; nil for a partition it does not know.
    ///   - range: the offsets that Kafka has.
    static func decide(next: KafkaOffset?, range: OffsetRange) -> StartPosition {
        guard let next else { return .read(from: range.low) }
        if next < range.low { return .lost(from: next, to: range.low) }
        if next > range.high { return .beyondEnd(next: next, end: range.high) }
        return .read(from: next)
    }
}
