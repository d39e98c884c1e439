// Assigns each event to its window or finds it late, and advances the watermark.
//
// The semantics are Flink's. The watermark is the smallest value, over the active partitions, of (largest event time -
// delay - 1 ms), and it never decreases. An event is compared with the watermark from before that event. An idle
// partition does not advance the watermark; it only stops holding back the others.
//
// The engine reads no clock and does no I/O: `now` is always a parameter, in milliseconds since the Unix epoch. The
// same calls in the same order give the same decisions.
//
// Invariants: the watermark never decreases; the watermark and the largest event times are whole milliseconds, the
// precision in which the state stores them.

package import Base

/// The decision about one event.
@frozen
package enum Placement: Equatable, Sendable {
    /// The event counts in the window that starts at `windowStart`.
    case counted(windowStart: WindowStart)
    /// The event is late: its time is `latenessMilliseconds` behind the watermark.
    case late(windowStart: WindowStart, latenessMilliseconds: Int64)
}

/// Tumbling event-time windows over the partitions of one topic.
package struct WindowEngine: Sendable {
    /// The engine's record of one partition.
    package struct Partition: Equatable, Sendable {
        /// The partition's number in Kafka.
        package let number: PartitionID
        /// The largest event time so far, events beyond the future skew excluded; nil before the first event.
        package internal(set) var maxEventTime: EventTime?
        /// The offset of the record with `maxEventTime`; -1 when it is not known.
        package internal(set) var maxEventOffset: KafkaOffset = -1
        /// The consumer reached the partition's end, and no record arrived for the idle timeout.
        package internal(set) var isIdle = false
        /// The wall clock at the last record or at the partition's end, in milliseconds since the Unix epoch.
        var lastActivity: Int64
        /// Events beyond the future skew since the process started; nil when there were none.
        package internal(set) var future: FutureEvents?
        /// The consumer has read every record that the broker has.
        package internal(set) var isAtEnd = false
    }

    /// Events of a partition that are further ahead of the clock than the future skew.
    package struct FutureEvents: Equatable, Sendable {
        /// The number of events.
        package internal(set) var count: Int64
        /// The wall clock when the first of them was placed, in milliseconds since the Unix epoch.
        package internal(set) var firstAt: Int64
        /// The wall clock when the latest of them was placed, in milliseconds since the Unix epoch.
        package internal(set) var at: Int64
        /// The event time of the latest one.
        package internal(set) var eventTime: EventTime
    }

    /// The durations that decide about windows, lateness and idleness.
    package let settings: WindowSettings
    /// The partitions in the order in which they were added. Other calls take positions in this array.
    package private(set) var partitions: [Partition] = []
    /// The watermark: no event at or before it is expected; nil before the first.
    package private(set) var watermark: EventTime?
    /// The index of the active partition with the smallest largest event time, which holds back the watermark.
    private var holder: Int?
    /// The largest end (exclusive) of any window with a counted event.
    private var latestWindowEnd: WindowStart
    /// Event times above this do not advance the watermark: the `now` of the current batch plus the future skew.
    private var skewLimit: EventTime
    /// The `now` of the current batch.
    private var batchNow: Int64

    /// - Parameters:
    ///   - watermark: the watermark of an earlier run, in whole milliseconds; nil without one.
    ///   - latestWindowEnd: the largest end (exclusive) of any window with a count of earlier runs; nil without one.
    ///   - now: the wall clock, in milliseconds since the Unix epoch.
    package init(
        settings: WindowSettings, watermark: EventTime? = nil, latestWindowEnd: WindowStart? = nil, now: Int64
    ) {
        assert((watermark?.rawValue ?? 0) % 1000 == 0, "a watermark is in whole milliseconds")
        self.settings = settings
        self.watermark = watermark
        self.latestWindowEnd = latestWindowEnd ?? WindowStart(seconds: 0)
        skewLimit = EventTime(milliseconds: now) + settings.maxFutureSkewMilliseconds
        batchNow = now
    }

    /// Adds an active partition. Until it delivers an event or becomes idle, the watermark does not advance.
    /// - Parameter maxEventTime: the largest event time of earlier runs, in whole milliseconds; nil without one.
    /// - Returns: the partition's index.
    @discardableResult
    package mutating func addPartition(
        _ number: PartitionID, maxEventTime: EventTime? = nil, maxEventOffset: KafkaOffset = -1, now: Int64
    ) -> Int {
        assert((maxEventTime?.rawValue ?? 0) % 1000 == 0, "a largest event time is in whole milliseconds")
        partitions.append(
            Partition(number: number, maxEventTime: maxEventTime, maxEventOffset: maxEventOffset, lastActivity: now))
        holder = nil
        return partitions.count - 1
    }

    /// Sets the wall clock that decides which events are beyond the future skew, until the next call.
    package mutating func beginBatch(now: Int64) {
        skewLimit = EventTime(milliseconds: now) + settings.maxFutureSkewMilliseconds
        batchNow = now
    }

    /// Places one event of a partition and advances the watermark.
    /// - Parameters:
    ///   - eventTime: a time from `EventTime.init(timestamp:)`; rounded down to milliseconds.
    ///   - offset: the record's offset, which is only reported; -1 when it is not known.
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

    /// Records that a partition delivered records, whether they are valid events or not, and makes it active.
    package mutating func sawRecords(inPartitionAt index: Int, now: Int64) {
        partitions[index].lastActivity = now
        partitions[index].isAtEnd = false
        guard partitions[index].isIdle else { return }
        partitions[index].isIdle = false
        // If all partitions were idle, this one alone now determines the watermark.
        advanceWatermark()
    }

    /// Records that the consumer reached a partition's end. The idle timeout starts here; a record resets it.
    package mutating func reachedEnd(ofPartitionAt index: Int, now: Int64) {
        guard !partitions[index].isAtEnd else { return }
        partitions[index].isAtEnd = true
        partitions[index].lastActivity = now
    }

    /// Makes partitions idle whose timeout has passed, and advances the watermark without them.
    /// - Returns: whether any partition became idle.
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
        assert(candidate.rawValue % 1000 == 0, "a watermark is in whole milliseconds")
        if watermark.map({ candidate > $0 }) ?? true { watermark = candidate }
        assert(watermark.map { $0 >= candidate } ?? false, "the watermark never decreases")
    }

    /// The active partition that holds back the watermark; nil when all partitions are idle or there are none.
    package var watermarkHeldBy: PartitionID? {
        partitions.filter { !$0.isIdle }
            .min { ($0.maxEventTime?.rawValue ?? .min) < ($1.maxEventTime?.rawValue ?? .min) }?.number
    }

    /// Whether there are partitions and all of them are idle.
    package var allIdle: Bool { !partitions.isEmpty && partitions.allSatisfy(\.isIdle) }

    /// The largest window end (exclusive) that is final; nil when no window is.
    ///
    /// A window is final when the watermark has reached its end - 1 ms. When every partition is idle, a window is also
    /// final once the wall clock is past its end by the watermark delay and the idle timeout. The clock does not make
    /// windows final after the latest one that has counts, so the result is stable while nothing arrives.
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
