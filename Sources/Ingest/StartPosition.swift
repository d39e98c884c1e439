// Where to start reading a partition: a pure decision from what the state says and what Kafka has.

import Kafka

/// What to do with one partition.
enum StartPosition: Equatable {
    /// Read from this offset.
    case read(from: Int64)
    /// Offsets from `from` (inclusive) to `to` (exclusive) are gone.
    case lost(from: Int64, to: Int64)
    /// The state is beyond the partition's end.
    case beyondEnd(next: Int64, end: Int64)

    /// - Parameters:
    ///   - next: the state's next offset; nil for a partition it does not know.
    ///   - range: the offsets that Kafka has.
    static func decide(next: Int64?, range: OffsetRange) -> StartPosition {
        guard let next else { return .read(from: range.low) }
        if next < range.low { return .lost(from: next, to: range.low) }
        if next > range.high { return .beyondEnd(next: next, end: range.high) }
        return .read(from: next)
    }
}
