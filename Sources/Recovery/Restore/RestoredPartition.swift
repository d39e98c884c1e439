// What a restore learns of one partition from the raw rows.

import Tables
import State
import Iceberg

/// One partition while it is restored.
final class RestoredPartition {
    package let number: Int32
    /// The offsets that have a raw row.
    package let seen = OffsetSet()
    package var counted: Int64 = 0
    package var late: Int64 = 0
    package var least = Int64.max
    package var end: Int64 = 0
    /// Where the raw table's snapshots say that the partition ends (exclusive), where one does.
    var tableEnd = Int64.max
    /// Milliseconds since the Unix epoch.
    package var maxEventTime: Int64?
    /// The end of the offsets that the covered snapshot of the counts table has.
    let coveredEnd: Int64
    private let arrivals: Arrivals
    private var arrival = Arrivals.Span(from: 0, to: 0, latest: Int64.min)

    package init(_ number: Int32, coveredEnd: Int64, arrivals: Arrivals = Arrivals()) {
        self.number = number
        self.coveredEnd = coveredEnd
        self.arrivals = arrivals
    }

    /// The time by which an event had come at the latest, milliseconds since the Unix epoch. `Int64.min` where what it did to
    /// the watermark is recorded.
    @inline(__always)
    func arrival(of offset: Int64) -> Int64 {
        if offset < arrival.from || offset >= arrival.to { arrival = arrivals.span(of: offset) }
        return arrival.latest
    }
}

/// When the events of a partition had come at the latest. An event beyond the future skew does not move the watermark, and
/// whether it was beyond is a question of when it came, not of when it is restored.
struct Arrivals {
    package struct Span: Equatable {
        /// Offsets, the end exclusive.
        package var from: Int64
        package var to: Int64
        /// Milliseconds since the Unix epoch.
        package var latest: Int64
    }

    /// Ascending, one beginning where the one before ends.
    private var spans: [Span] = []

    /// Nothing is known.
    package init() {}

    /// - Parameters:
    ///   - recordedEnd: the largest event time of offsets below it is recorded.
    ///   - history: the raw table's snapshots, newest first.
    ///   - now: milliseconds since the Unix epoch; for events of which no snapshot tells.
    package init(_ partition: Int32, recordedEnd: Int64, history: [Snapshot], now: Int64) {
        var from = Int64.min
        let add = { (spans: inout [Span], to: Int64, latest: Int64) in
            guard to > from else { return }
            spans.append(Span(from: from, to: to, latest: latest))
            from = to
        }
        add(&spans, recordedEnd, Int64.min)
        for snapshot in history.reversed() {
            guard let end = snapshot.addedOffsets?[partition]?.to else { continue }
            add(&spans, end, min(now, snapshot.timestampMilliseconds))
        }
        add(&spans, Int64.max, now)
    }

    package func span(of offset: Int64) -> Span {
        spans.first { offset < $0.to } ?? Span(from: offset, to: offset, latest: Int64.min)
    }
}
