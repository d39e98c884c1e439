// A plain second implementation of the rules of windows and lateness, with which tests compare the engine.
//
// A window is [start, end). The watermark is the smallest value, over partitions that are not idle, of (largest event
// time, times beyond the future skew excluded, - delay - 1 ms). It does not advance while one of these partitions has
// had no event, and it never decreases. An event is late when its window's end - 1 ms + allowed lateness <= the
// watermark before that event.

import Windowing

struct Oracle {
    struct Partition {
        var times: [Int64] = []
        var isIdle = false
        var atEnd = false
        var quietSince: Int64
    }

    let settings: WindowSettings
    var partitions: [Partition] = []
    var watermark: Int64?
    /// The number of events by window start.
    var counted: [Int64: Int] = [:]
    var late = 0

    init(_ settings: WindowSettings) { self.settings = settings }

    func start(of time: Int64) -> Int64 {
        var start: Int64 = time / settings.windowMilliseconds * settings.windowMilliseconds
        if start > time { start -= settings.windowMilliseconds }
        return start
    }

    mutating func event(_ time: Int64, partition: Int, now: Int64) -> Placement {
        let end = start(of: time) + settings.windowMilliseconds
        let placement: Placement
        if let watermark, end - 1 + settings.allowedLatenessMilliseconds <= watermark {
            late += 1
            placement = .late(windowStart: window(start(of: time)), latenessMilliseconds: watermark - time)
        } else {
            counted[start(of: time), default: 0] += 1
            placement = .counted(windowStart: window(start(of: time)))
        }
        if time <= now + settings.maxFutureSkewMilliseconds { partitions[partition].times.append(time) }
        recompute()
        return placement
    }

    mutating func recompute() {
        let maxima = partitions.filter { !$0.isIdle }.map { $0.times.max() }
        guard !maxima.isEmpty, !maxima.contains(nil) else { return }
        let candidate = maxima.compactMap { $0 }.min().map { $0 - settings.watermarkDelayMilliseconds - 1 }
        watermark = [watermark, candidate].compactMap { $0 }.max()
    }

    mutating func records(partition: Int, now: Int64) {
        partitions[partition].quietSince = now
        partitions[partition].isIdle = false
        partitions[partition].atEnd = false
        recompute()
    }

    mutating func end(partition: Int, now: Int64) {
        if !partitions[partition].atEnd { partitions[partition].quietSince = now }
        partitions[partition].atEnd = true
    }

    mutating func tick(now: Int64) {
        for index in partitions.indices
        where partitions[index].atEnd && now - partitions[index].quietSince >= settings.idleTimeoutMilliseconds {
            partitions[index].isIdle = true
        }
        recompute()
    }

    func finalBefore(now: Int64) -> Int64? {
        // The largest end with end - 1 <= watermark; or, when all are idle, with end + delay + timeout <= now.
        let window = settings.windowMilliseconds
        var ends: [Int64] = []
        if let watermark, watermark + 1 >= window { ends.append((watermark + 1) / window * window) }
        let latestEnd = counted.keys.max().map { $0 + window } ?? 0
        if !partitions.isEmpty, partitions.allSatisfy(\.isIdle) {
            let byClock = now - settings.watermarkDelayMilliseconds - settings.idleTimeoutMilliseconds
            let bound = min(byClock, latestEnd)
            if bound >= window { ends.append(bound / window * window) }
        }
        return ends.max()
    }
}
