// Decides for every event which window it counts in, or that it is late, and keeps the watermark.
//
// Semantics are Flink's: the watermark is the smallest, over active partitions, of (largest event time - delay - 1 ms),
// it never goes back, and an event is judged by the watermark as it was before that event.
// Invariants: no clock and no I/O, "now" is always a parameter (milliseconds since the Unix epoch); the same calls in
// the same order give the same decisions; the watermark never decreases; idleness alone never makes an event late,
// because it only lets the other partitions' progress through; the times that are kept, and the watermark, are whole
// milliseconds, as the state has them.

package import Base

/// What becomes of one event.
@frozen
package enum Placement: Equatable, Sendable {
    /// It counts in the window that starts at `windowStart`.
    case counted(windowStart: WindowStart)
    /// It is late, its time so far behind the watermark.
    case late(windowStart: WindowStart, latenessMilliseconds: Int64)
}

/// Tumbling event-time windows over the partitions of one topic.
package struct WindowEngine: Sendable {
    /// What the engine knows of one partition.
    package struct Partition: Equatable, Sendable {
        /// The partition's number in Kafka.
        package let number: PartitionID
        /// The largest event time seen; nil before the first event. Events beyond the future skew do not count here.
        package internal(set) var maxEventTime: EventTime?
        /// The offset of the record that brought it; -1 when it is not known.
        package internal(set) var maxEventOffset: KafkaOffset = -1
        /// The partition's end was reached and nothing came for the idle timeout.
        package internal(set) var isIdle = false
        /// When the last record, or the end, was seen (milliseconds, wall clock).
        var lastActivity: Int64
        /// Events beyond the future skew; nil when there were none since the start.
        package internal(set) var future: FutureEvents?
        /// Every record that the broker has was consumed.
        package internal(set) var isAtEnd = false
    }

    /// Events of a partition that are further ahead of the clock than the future skew.
    package struct FutureEvents: Equatable, Sendable {
        /// How many.
        package internal(set) var count: Int64
        /// The wall clock when the first of them was placed, milliseconds.
        package internal(set) var firstAt: Int64
        /// The wall clock when the latest was.
        package internal(set) var at: Int64
        /// The latest one's event time.
        package internal(set) var eventTime: EventTime
    }

    /// The durations that rule.
    package let settings: WindowSettings
    /// The partitions, in the order they were added; their positions are the indexes the other calls take.
    package private(set) var partitions: [Partition] = []
    /// The watermark: no event at or before it is expected. nil before there is one.
    package private(set) var watermark: EventTime?
    /// The index of the active partition with the smallest event time, the one that holds the watermark.
    private var holder: Int?
    /// The largest end (exclusive) of any window that something was counted in.
    private var latestWindowEnd: WindowStart
    /// Event times above this do not move the watermark; follows from the `now` of the current batch.
    private var skewLimit: EventTime
    /// The `now` of the current batch.
    private var batchNow: Int64

    /// - Parameters:
    ///   - watermark: the watermark to go on from, of an earlier run.
    ///   - latestWindowEnd: the largest end (exclusive) of any window counted in earlier runs; nil without such.
    ///   - now: the wall clock, milliseconds.
    package init(
        settings: WindowSettings, watermark: EventTime? = nil, latestWindowEnd: WindowStart? = nil, now: Int64
    ) {
        self.settings = settings
        self.watermark = watermark
        self.latestWindowEnd = latestWindowEnd ?? WindowStart(seconds: 0)
        skewLimit = EventTime(milliseconds: now) + settings.maxFutureSkewMilliseconds
        batchNow = now
    }

    /// Adds a partition as active; until it brings an event or turns idle it holds the watermark where it is.
    /// - Returns: its index.
    @discardableResult
    package mutating func addPartition(
        _ number: PartitionID, maxEventTime: EventTime? = nil, maxEventOffset: KafkaOffset = -1, now: Int64
    ) -> Int {
        partitions.append(
            Partition(number: number, maxEventTime: maxEventTime, maxEventOffset: maxEventOffset, lastActivity: now))
        holder = nil
        return partitions.count - 1
    }

    /// Sets the wall clock that the events until the next call are held against.
    package mutating func beginBatch(now: Int64) {
        skewLimit = EventTime(milliseconds: now) + settings.maxFutureSkewMilliseconds
        batchNow = now
    }

    /// Places one event of a partition and moves the watermark.
    /// - Parameters:
    ///   - eventTime: a time that `EventTime.init(timestamp:)` accepts; less than a millisecond of it does not matter.
    ///   - offset: the record's offset, only to be named; -1 when it is not known.
    package mutating func place(
        eventTime: EventTime, inPartitionAt index: Int, offset: KafkaOffset = -1
    ) -> Placement {
        let time = EventTime(rawValue: eventTime.rawValue - eventTime.rawValue % 1000)
        let start = settings.windowStart(of: time)
        let placement: Placement
        if let watermark, settings.isLate(windowStart: start, watermark: watermark) {
            let lateness = (watermark.rawValue - time.rawValue) / 1000
            placement = .late(windowStart: start, latenessMilliseconds: lateness)
        } else {
            placement = .counted(windowStart: start)
            latestWindowEnd = max(latestWindowEnd, WindowStart(rawValue: start.rawValue + settings.window))
        }
        if time > skewLimit {
            noteFuture(time, index)
        } else if time.rawValue > partitions[index].maxEventTime?.rawValue ?? .min {
            partitions[index].maxEventTime = time
            partitions[index].maxEventOffset = offset
            if holder == nil || holder == index { advanceWatermark() }
        }
        return placement
    }

    @inline(never)
    private mutating func noteFuture(_ eventTime: EventTime, _ index: Int) {
        let before = partitions[index].future
        partitions[index].future = FutureEvents(
            count: (before?.count ?? 0) + 1, firstAt: before?.firstAt ?? batchNow, at: batchNow, eventTime: eventTime)
    }

    /// Notes that records of a partition arrived (valid events or not): it is active again.
    package mutating func sawRecords(inPartitionAt index: Int, now: Int64) {
        partitions[index].lastActivity = now
        partitions[index].isAtEnd = false
        guard partitions[index].isIdle else { return }
        partitions[index].isIdle = false
        // When all were idle, this one alone decides now.
        advanceWatermark()
    }

    /// Notes that a partition's end was reached; the idle timeout runs from here or the last record.
    package mutating func reachedEnd(ofPartitionAt index: Int, now: Int64) {
        guard !partitions[index].isAtEnd else { return }
        partitions[index].isAtEnd = true
        partitions[index].lastActivity = now
    }

    /// Turns partitions idle whose timeout has passed, and lets the watermark go on without them.
    /// - Returns: whether any partition turned idle.
    @discardableResult
    package mutating func checkIdleness(now: Int64) -> Bool {
        var changed = false
        for index in partitions.indices where !partitions[index].isIdle && partitions[index].isAtEnd {
            guard now - partitions[index].lastActivity >= settings.idleTimeoutMilliseconds else { continue }
            partitions[index].isIdle = true
            changed = true
        }
        if changed { advanceWatermark() }
        return changed
    }

    private mutating func advanceWatermark() {
        holder = nil
        var smallest = Int64.max
        for (index, partition) in partitions.enumerated() where !partition.isIdle {
            let time = partition.maxEventTime?.rawValue ?? Int64.min
            if time < smallest {
                smallest = time
                holder = index
            }
        }
        guard holder != nil, smallest != Int64.min else { return }
        let candidate = EventTime(rawValue: smallest) - (settings.watermarkDelayMilliseconds + 1)
        if watermark.map({ candidate > $0 }) ?? true { watermark = candidate }
        assert(watermark.map { $0 >= candidate } ?? false, "the watermark never decreases")
    }

    /// The number of the partition that holds the watermark back; nil when all are idle or there is none.
    package var watermarkHeldBy: PartitionID? {
        partitions.filter { !$0.isIdle }
            .min { ($0.maxEventTime?.rawValue ?? .min) < ($1.maxEventTime?.rawValue ?? .min) }?.number
    }

    /// Every partition has been idle for the timeout.
    package var allIdle: Bool { !partitions.isEmpty && partitions.allSatisfy(\.isIdle) }

    /// The largest window end (exclusive) that is final under the watermark or, when every partition is idle, because the
    /// wall clock is past it by the watermark delay and the idle timeout. By the clock it is never beyond the latest window,
    /// so that it rests when nothing happens; nil when no window is final.
    package func finalBefore(now: Int64) -> WindowStart? {
        // The watermark has reached end - 1 ms when end <= watermark + 1 ms.
        var bound = watermark.map { $0 + 1 } ?? WindowStart.first.time
        if allIdle {
            let byClock =
                EventTime(milliseconds: now) - settings.watermarkDelayMilliseconds - settings.idleTimeoutMilliseconds
            bound = max(bound, min(byClock, latestWindowEnd.time))
        }
        return bound.rawValue > 0 ? settings.windowStart(of: bound) : nil
    }
}
