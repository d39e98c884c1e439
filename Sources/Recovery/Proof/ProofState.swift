// The state as a proof reads it: in one read transaction, so all figures are of one generation while a service runs.
// `StateReader` is read-only and does not checkpoint.

import Base
import State

/// One partition's figures.
struct ProofPartition {
    package let number: PartitionID
    package let first: KafkaOffset
    package let next: KafkaOffset
    package let consumed: Int64
    package let counted: Int64
    package let late: Int64
    package let rejected: Int64
    /// Offsets that Kafka no longer had according to incidents; ascending and not adjacent.
    package let lost: [Range<KafkaOffset>]

    /// Number of offsets without a consumed record.
    package var gap: Int64 { first.distance(to: next) - consumed }

    /// Number of lost offsets below `end`.
    package func lost(below end: KafkaOffset) -> Int64 {
        lost.reduce(0) { $0 + max(0, $1.lowerBound.distance(to: min($1.upperBound, end))) }
    }

    /// The parts of a range that were not lost, ascending.
    func parts(of range: Range<KafkaOffset>) -> [Range<KafkaOffset>] {
        var parts: [Range<KafkaOffset>] = []
        var next = range.lowerBound
        for gone in lost where gone.upperBound > next && gone.lowerBound < range.upperBound {
            if gone.lowerBound > next { parts.append(next..<gone.lowerBound) }
            next = gone.upperBound
        }
        if next < range.upperBound { parts.append(next..<range.upperBound) }
        return parts
    }
}

/// A state, read at one generation.
package final class ProofState {
    let reader: StateReader
    let stateID: String?
    let windowSeconds: Int64
    let partitions: [ProofPartition]
    /// Windows that start before this may have been evicted from the state.
    let evictedBefore: WindowStart

    /// - Throws: `StoreError`, `SQLiteError`.
    init(path: String) throws {
        reader = try StateReader(path)
        try reader.hold()
        stateID = try reader.stateID()
        windowSeconds = try reader.windowMilliseconds() / 1000
        evictedBefore = try reader.number(.evictedBefore).map(WindowStart.init(seconds:)) ?? .first
        partitions = try Self.partitions(reader)
    }

    private static func partitions(_ reader: StateReader) throws -> [ProofPartition] {
        let lost = Dictionary(grouping: try reader.lostOffsets(), by: \.partition)
        return try reader.partitionSums().map { sums in
            ProofPartition(
                number: sums.partition, first: sums.firstOffset, next: sums.nextOffset, consumed: sums.consumed,
                counted: sums.counted, late: sums.late, rejected: sums.rejected,
                lost: LostRanges.joined(
                    lost[sums.partition]?.map(\.offsets) ?? [], within: sums.firstOffset, sums.nextOffset))
        }
    }

    /// A partition's offsets in the late or the rejected log, within `range`.
    func offsets(of log: EventLog, partition: PartitionID, in range: Range<KafkaOffset>) throws -> OffsetSet {
        let offsets = OffsetSet()
        try reader.forEachOffset(in: log, partition: partition, range) { _ = offsets.insert(max(0, $0)) }
        return offsets
    }
}

/// The offsets that Kafka no longer had according to incidents.
enum LostRanges {
    /// The ranges sorted, joined where they overlap or touch, and cut to [low, high).
    static func joined(
        _ ranges: [Range<KafkaOffset>], within low: KafkaOffset, _ high: KafkaOffset
    ) -> [Range<KafkaOffset>] {
        var joined: [Range<KafkaOffset>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            let (from, to) = (max(low, range.lowerBound), min(high, range.upperBound))
            guard from < to else { continue }
            if let last = joined.last, from <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, to)
            } else {
                joined.append(from..<to)
            }
        }
        assert(
            zip(joined, joined.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }, "joined ranges do not touch")
        return joined
    }
}
