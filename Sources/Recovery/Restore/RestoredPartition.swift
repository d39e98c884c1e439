// What a restore learns of one partition from the raw rows.

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
    package var least = KafkaOffset.last
    package var end: KafkaOffset = 0
    /// Where the raw table's snapshots say that the partition ends (exclusive), where one does.
    var tableEnd = KafkaOffset.last
    /// The largest event time that may have moved the watermark.
    package var maxEventTime: EventTime?
    /// The end of the offsets that the covered snapshot of the counts table has.
    let coveredEnd: KafkaOffset
    private let arrivals: Arrivals
    private var arrival = Arrivals.Span(from: 0, to: 0, latest: Arrivals.recorded)

    package init(_ number: PartitionID, coveredEnd: KafkaOffset, arrivals: Arrivals = Arrivals()) {
        self.number = number
        self.coveredEnd = coveredEnd
        self.arrivals = arrivals
    }

    /// The time by which an event had come at the latest; `Arrivals.recorded` where what it did to the watermark is recorded.
    @inline(__always)
    func arrival(of offset: KafkaOffset) -> EventTime {
        if offset < arrival.from || offset >= arrival.to { arrival = arrivals.span(of: offset) }
        return arrival.latest
    }
}

/// When the events of a partition had come at the latest. An event beyond the future skew does not move the watermark, and
/// whether it was beyond is a question of when it came, not of when it is restored.
struct Arrivals {
    package struct Span: Equatable {
        /// Offsets, the end exclusive.
        package var from: KafkaOffset
        package var to: KafkaOffset
        /// When they had come at the latest.
        package var latest: EventTime
    }

    /// Before every event time: what the events did to the watermark is recorded.
    static let recorded = EventTime(rawValue: .min)

    /// Ascending, one beginning where the one before ends.
    private var spans: [Span] = []

    /// Nothing is known.
    package init() {}

    /// - Parameters:
    ///   - recordedEnd: the largest event time of offsets below it is recorded.
    ///   - history: the raw table's snapshots, newest first.
    ///   - now: milliseconds since the Unix epoch; for events of which no snapshot tells.
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
    }

    package func span(of offset: KafkaOffset) -> Span {
        spans.first { offset < $0.to } ?? Span(from: offset, to: offset, latest: Self.recorded)
    }
}
