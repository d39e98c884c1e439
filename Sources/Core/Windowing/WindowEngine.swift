// Decides for every event which window it counts in, or that it is late, and keeps the watermark.
//
// Semantics are Flink's: the watermark is the smallest, over active partitions, of (largest event time - delay - 1 ms),
// it never goes back, and an event is judged by the watermark as it was before that event.
// Invariants: no clock and no I/O, "now" is always a parameter (milliseconds since the Unix epoch); the same calls in
// the same order give the same decisions; the watermark never decreases; idleness alone never makes an event late,
// because it only lets the other partitions' progress through.

/// What becomes of one event.
@frozen
package enum Placement: Equatable, Sendable {
    /// It counts in the window that starts at `windowStart` (milliseconds since the Unix epoch).
    case counted(windowStart: Int64)
    /// It is late; `lateness` says how far its time is behind the watermark, in milliseconds.
    case late(windowStart: Int64, lateness: Int64)
}

/// Tumbling event-time windows over the partitions of one topic.
package struct WindowEngine: Sendable {
    /// What the engine knows of one partition.
    package struct Partition: Equatable, Sendable {
        /// The partition's number in Kafka.
        package let number: Int32
        /// The largest event time seen, in milliseconds; nil before the first event. Events beyond the future skew
        /// do not count here.
        package internal(set) var maxEventTime: Int64?
        /// The offset of the record that brought it; -1 when it is not known.
        package internal(set) var maxEventOffset: Int64 = -1
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
        package internal(set) var eventTime: Int64
    }

    /// The durations that rule.
    package let settings: WindowSettings
    /// The partitions, in the order they were added; their positions are the indexes the other calls take.
    package private(set) var partitions: [Partition] = []
    /// The watermark in milliseconds: no event at or before it is expected. nil before there is one.
    package private(set) var watermark: Int64?
    /// The index of the active partition with the smallest event time, the one that holds the watermark.
    private var holder: Int?
    /// The largest end (exclusive) of any window that something was counted in.
    private var latestWindowEnd: Int64
    /// Event times above this do not move the watermark; follows from the `now` of the current batch.
    private var skewLimit: Int64

    /// - Parameters:
    ///   - watermark: the watermark to go on from, of an earlier run.
    ///   - latestWindowEnd: the largest end (exclusive) of any window counted in earlier runs, milliseconds.
    ///   - now: the wall clock, milliseconds.
    package init(settings: WindowSettings, watermark: Int64? = nil, latestWindowEnd: Int64 = 0, now: Int64) {
        self.settings = settings
        self.watermark = watermark
        self.latestWindowEnd = latestWindowEnd
        skewLimit = now + settings.maxFutureSkewMilliseconds
    }

    /// Adds a partition as active; until it brings an event or turns idle it holds the watermark where it is.
    /// - Returns: its index.
    @discardableResult
    package mutating func addPartition(
        _ number: Int32, maxEventTime: Int64? = nil, maxEventOffset: Int64 = -1, now: Int64
    ) -> Int {
        partitions.append(
            Partition(number: number, maxEventTime: maxEventTime, maxEventOffset: maxEventOffset, lastActivity: now))
        holder = nil
        return partitions.count - 1
    }

    /// Sets the wall clock that the events until the next call are held against.
    package mutating func beginBatch(now: Int64) {
        skewLimit = now + settings.maxFutureSkewMilliseconds
    }

    /// Places one event of a partition and moves the watermark.
    /// - Parameters:
    ///   - eventTime: milliseconds since the Unix epoch, as `EventTime` bounds it.
    ///   - offset: the record's offset, only to be named; -1 when it is not known.
    package mutating func place(eventTime: Int64, inPartitionAt index: Int, offset: Int64 = -1) -> Placement {
        let start = settings.windowStart(of: eventTime)
        let placement: Placement
        if let watermark, settings.isLate(windowStart: start, watermark: watermark) {
            placement = .late(windowStart: start, lateness: watermark - eventTime)
        } else {
            placement = .counted(windowStart: start)
            latestWindowEnd = max(latestWindowEnd, start + settings.windowMilliseconds)
        }
        if eventTime > skewLimit {
            noteFuture(eventTime, index)
        } else if eventTime > partitions[index].maxEventTime ?? Int64.min {
            partitions[index].maxEventTime = eventTime
            partitions[index].maxEventOffset = offset
            if holder == nil || holder == index { advanceWatermark() }
        }
        return placement
    }

    @inline(never)
    private mutating func noteFuture(_ eventTime: Int64, _ index: Int) {
        let now = skewLimit - settings.maxFutureSkewMilliseconds
        let before = partitions[index].future
        partitions[index].future = FutureEvents(
            count: (before?.count ?? 0) + 1, firstAt: before?.firstAt ?? now, at: now, eventTime: eventTime)
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
            let time = partition.maxEventTime ?? Int64.min
            if time < smallest {
                smallest = time
                holder = index
            }
        }
        guard holder != nil, smallest != Int64.min else { return }
        let candidate = smallest - settings.watermarkDelayMilliseconds - 1
        if candidate > watermark ?? Int64.min { watermark = candidate }
        assert(watermark ?? Int64.min >= candidate, "the watermark never decreases")
    }

    /// The number of the partition that holds the watermark back; nil when all are idle or there is none.
    package var watermarkHeldBy: Int32? {
        partitions.filter { !$0.isIdle }
            .min { ($0.maxEventTime ?? Int64.min) < ($1.maxEventTime ?? Int64.min) }?.number
    }

    /// Every partition has been idle for the timeout.
    package var allIdle: Bool { !partitions.isEmpty && partitions.allSatisfy(\.isIdle) }

    /// The largest window end (exclusive, milliseconds) that is final under the watermark or, when every partition is
    /// idle, because the wall clock is past it by the watermark delay and the idle timeout. A multiple of the window,
    /// and by the clock never beyond the latest window, so that it rests when nothing happens; nil when no window is
    /// final.
    package func finalBefore(now: Int64) -> Int64? {
        // The watermark has reached end - 1 ms when end <= watermark + 1.
        var bound = watermark.map { $0 + 1 } ?? Int64.min
        if allIdle {
            let byClock = now - settings.watermarkDelayMilliseconds - settings.idleTimeoutMilliseconds
            bound = max(bound, min(byClock, latestWindowEnd))
        }
        return bound > 0 ? settings.windowStart(of: bound) : nil
    }
}
