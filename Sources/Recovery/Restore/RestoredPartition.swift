// One partition's figures that a restore collects from the raw rows.

import Base
import Tables
import State
import Iceberg

/// One partition while it is restored.
final class RestoredPartition {
    package let number: PartitionID
    /// The offsets that have a raw row.
    package let seen = OffsetSet()
    package var counted: Int64 = 0
    package var late: Int64 = 0
    /// The smallest offset with a raw row; `KafkaOffset.last` without rows.
    package var least = KafkaOffset.last
    /// The offset after the largest one with a raw row; 0 without rows.
    package var end: KafkaOffset = 0
    /// The partition's end (exclusive) in the raw table's snapshots; `KafkaOffset.last` when no snapshot records ends.
    var tableEnd = KafkaOffset.last
    /// The largest event time that may have moved the watermark.
    package var maxEventTime: EventTime?
    /// The partition's end (exclusive) in the covered snapshot of the counts table.
    let coveredEnd: KafkaOffset
    private let arrivals: Arrivals
    private var arrival = Arrivals.Span(from: 0, to: 0, latest: Arrivals.recorded)

    package init(_ number: PartitionID, coveredEnd: KafkaOffset, arrivals: Arrivals = Arrivals()) {
        self.number = number
        self.coveredEnd = coveredEnd
        self.arrivals = arrivals
    }

    /// The latest possible arrival time of an event; `Arrivals.recorded` if its effect on the watermark is recorded.
    @inline(__always)
    func arrival(of offset: KafkaOffset) -> EventTime {
        if offset < arrival.from || offset >= arrival.to { arrival = arrivals.span(of: offset) }
        return arrival.latest
    }
}

/// The latest possible arrival times of a partition's events. An event beyond the future skew does not move the
/// watermark, and its arrival time decides whether it was beyond, not the time of the restore.
struct Arrivals {
    package struct Span: Equatable {
        /// The offsets, [from, to).
        package var from: KafkaOffset
        package var to: KafkaOffset
        /// The latest possible arrival time of their events.
        package var latest: EventTime
    }

    /// A value before every event time: the effect of the events on the watermark is recorded.
    static let recorded = EventTime(rawValue: .min)

    /// Ascending; each span starts at the end of the one before.
    private var spans: [Span] = []

    /// No spans.
    package init() {}

    /// - Parameters:
    ///   - recordedEnd: the end (exclusive) of the offsets whose largest event time is recorded.
    ///   - history: the raw table's snapshots, newest first.
    ///   - now: the wall clock, milliseconds since the Unix epoch; for events without a snapshot.
    package init(_ partition: PartitionID, recordedEnd: KafkaOffset, history: [Snapshot], now: Int64) {
        var from = KafkaOffset.first
        let add = { (spans: inout [Span], to: KafkaOffset, latest: EventTime) in
            guard to > from else { return }
            spans.append(Span(from: from, to: to, latest: latest))
            from = to
        }
        add(&spans, recordedEnd, Self.recorded)
        for snapshot in history.reversed() {
            guard let end = snapshot.addedOffsets?[partition]?.to else { continue }
            add(&spans, end, EventTime(milliseconds: min(now, snapshot.timestampMilliseconds)))
        }
        add(&spans, .last, EventTime(milliseconds: now))
        assert(zip(spans, spans.dropFirst()).allSatisfy { $0.to == $1.from }, "spans follow one another without a gap")
    }

    package func span(of offset: KafkaOffset) -> Span {
        spans.first { offset < $0.to } ?? Span(from: offset, to: offset, latest: Self.recorded)
    }
}
