// The rules of the window engine, each at its exact bounds.

import Base
import Testing
import Windowing

/// Delay 2 s, lateness 3 s, windows of 1 s, idle after 500 ms, skew 10 s.
func smallSettings(lateness: Int64 = 3000, delay: Int64 = 2000, skew: Int64 = 10_000) throws -> WindowSettings {
    try WindowSettings(
        windowMilliseconds: 1000, watermarkDelayMilliseconds: delay, allowedLatenessMilliseconds: lateness,
        idleTimeoutMilliseconds: 500, maxFutureSkewMilliseconds: skew)
}

/// The time around which these tests run; a multiple of the window.
let base: Int64 = 1_611_662_640_000

@Suite("Window engine")
struct WindowEngineTests {
    /// An engine with `count` partitions, and the clock at `base`.
    func engine(partitions count: Int, _ settings: WindowSettings) -> EngineUnderTest {
        let engine = EngineUnderTest(settings: settings, now: base)
        for number in PartitionID.all(count: count) { engine.addPartition(number, now: base) }
        return engine
    }

    @Test("an event counts in the window whose start is at or before it and whose end is after it")
    func windowBounds() throws {
        let engine = engine(partitions: 1, try smallSettings())
        #expect(engine.place(eventTime: base, inPartitionAt: 0) == .counted(windowStart: window(base)))
        #expect(engine.place(eventTime: base + 999, inPartitionAt: 0) == .counted(windowStart: window(base)))
        #expect(engine.place(eventTime: base + 1000, inPartitionAt: 0) == .counted(windowStart: window(base + 1000)))
        #expect(engine.place(eventTime: base - 1, inPartitionAt: 0) == .counted(windowStart: window(base - 1000)))
    }

    @Test("the watermark is the largest event time less the delay and one millisecond")
    func watermark() throws {
        let engine = engine(partitions: 1, try smallSettings())
        #expect(engine.watermark == nil)
        _ = engine.place(eventTime: base + 5, inPartitionAt: 0)
        #expect(engine.watermark == base + 5 - 2000 - 1)
        _ = engine.place(eventTime: base, inPartitionAt: 0)
        #expect(engine.watermark == base + 5 - 2000 - 1)
    }

    @Test("an event is late from the very millisecond at which end - 1 ms + allowed lateness meets the watermark")
    func latenessBound() throws {
        let settings = try smallSettings()
        // The window [base, base + 1000) is late from the watermark base + 999 + 3000 on.
        let bound = base + 999 + 3000
        for (offset, isLate) in [(Int64(-1), false), (0, true), (1, true)] {
            let engine = engine(partitions: 1, settings)
            let leader = bound + offset + settings.watermarkDelayMilliseconds + 1
            _ = engine.place(eventTime: leader, inPartitionAt: 0)
            #expect(engine.watermark == bound + offset)
            let placement = engine.place(eventTime: base + 7, inPartitionAt: 0)
            let expected: Placement =
                isLate
                ? .late(windowStart: window(base), latenessMilliseconds: bound + offset - base - 7)
                : .counted(windowStart: window(base))
            #expect(placement == expected)
            #expect(settings.isLate(windowStart: window(base), watermark: at(bound + offset)) == isLate)
        }
    }

    @Test("an event is judged by the watermark before it, so one that jumps ahead never makes itself late")
    func judgedBefore() throws {
        let engine = engine(partitions: 1, try smallSettings(lateness: 0, delay: 0))
        #expect(engine.place(eventTime: base, inPartitionAt: 0) == .counted(windowStart: window(base)))
        #expect(engine.place(eventTime: base + 9000, inPartitionAt: 0) == .counted(windowStart: window(base + 9000)))
        #expect(
            engine.place(eventTime: base, inPartitionAt: 0)
                == .late(windowStart: window(base), latenessMilliseconds: 8999))
    }

    @Test("the partition that is furthest behind holds the watermark")
    func slowestHolds() throws {
        let engine = engine(partitions: 2, try smallSettings())
        _ = engine.place(eventTime: base + 9000, inPartitionAt: 0)
        #expect(engine.watermark == nil)
        #expect(engine.watermarkHeldBy == 1)
        _ = engine.place(eventTime: base + 100, inPartitionAt: 1)
        #expect(engine.watermark == base + 100 - 2001)
        _ = engine.place(eventTime: base + 9500, inPartitionAt: 1)
        #expect(engine.watermark == base + 9000 - 2001)
        #expect(engine.watermarkHeldBy == 0)
    }

    @Test("an event exactly at the future skew moves the watermark, one a millisecond beyond does not but counts")
    func futureSkew() throws {
        let engine = engine(partitions: 1, try smallSettings())
        _ = engine.place(eventTime: base + 10_001, inPartitionAt: 0)
        #expect(engine.watermark == nil)
        #expect(engine.partitions[0].maxEventTime == nil)
        let far: Int64 = 99_999_999_999_999
        #expect(engine.place(eventTime: far, inPartitionAt: 0) == .counted(windowStart: window(far - 999)))
        #expect(engine.watermark == nil)
        _ = engine.place(eventTime: base + 10_000, inPartitionAt: 0)
        #expect(engine.watermark == base + 10_000 - 2001)
        engine.beginBatch(now: base + 1)
        _ = engine.place(eventTime: base + 10_001, inPartitionAt: 0)
        #expect(engine.watermark == base + 10_001 - 2001)
    }

    @Test("events beyond the future skew are counted by partition, with the clock and the time of the latest")
    func futureEvents() throws {
        let engine = engine(partitions: 2, try smallSettings())
        _ = engine.place(eventTime: base + 10_000, inPartitionAt: 0)
        #expect(engine.partitions[0].future == nil)
        _ = engine.place(eventTime: base + 50_000, inPartitionAt: 1)
        engine.beginBatch(now: base + 700)
        _ = engine.place(eventTime: base + 20_000, inPartitionAt: 1)
        _ = engine.place(eventTime: base + 1000, inPartitionAt: 1)
        let future = try #require(engine.partitions[1].future)
        #expect(future.count == 2 && future.firstAt == base && future.at == base + 700)
        #expect(future.eventTime == at(base + 20_000))
        #expect(engine.partitions[0].future == nil)
    }

    @Test("a partition turns idle only at its end, exactly after the timeout, and then lets the others go on")
    func idleness() throws {
        let engine = engine(partitions: 2, try smallSettings())
        _ = engine.place(eventTime: base, inPartitionAt: 1)
        _ = engine.place(eventTime: base + 8000, inPartitionAt: 0)
        // A partition that is not at its end is never idle, however long nothing arrives.
        #expect(!engine.checkIdleness(now: base + 1_000_000))
        #expect(engine.watermark == base - 2001)
        engine.reachedEnd(ofPartitionAt: 1, now: base + 100)
        // A repeated end does not restart the timeout.
        engine.reachedEnd(ofPartitionAt: 1, now: base + 400)
        #expect(!engine.checkIdleness(now: base + 599))
        #expect(engine.checkIdleness(now: base + 600))
        #expect(engine.partitions.map(\.isIdle) == [false, true])
        #expect(engine.watermark == base + 8000 - 2001)
        #expect(engine.watermarkHeldBy == 0)
        #expect(!engine.checkIdleness(now: base + 700))
    }

    @Test("records after the end start the idle timeout anew only when the end comes again")
    func recordsAfterTheEnd() throws {
        let engine = engine(partitions: 1, try smallSettings())
        engine.reachedEnd(ofPartitionAt: 0, now: base)
        engine.sawRecords(inPartitionAt: 0, now: base + 499)
        #expect(!engine.checkIdleness(now: base + 100_000))
        engine.reachedEnd(ofPartitionAt: 0, now: base + 100_000)
        #expect(!engine.checkIdleness(now: base + 100_499))
        #expect(engine.checkIdleness(now: base + 100_500))
    }

    @Test("an idle partition that brings records holds the watermark again and never takes it back")
    func backFromIdle() throws {
        let engine = engine(partitions: 2, try smallSettings())
        engine.reachedEnd(ofPartitionAt: 1, now: base)
        _ = engine.place(eventTime: base + 8000, inPartitionAt: 0)
        engine.checkIdleness(now: base + 500)
        #expect(engine.watermark == base + 5999)
        engine.sawRecords(inPartitionAt: 1, now: base + 600)
        #expect(engine.place(eventTime: base + 3000, inPartitionAt: 1) == .counted(windowStart: window(base + 3000)))
        #expect(engine.watermark == base + 5999)
        _ = engine.place(eventTime: base + 9000, inPartitionAt: 0)
        #expect(engine.watermark == base + 5999)
        _ = engine.place(eventTime: base + 8500, inPartitionAt: 1)
        #expect(engine.watermark == base + 8500 - 2001)
    }

    @Test("when every partition is idle the watermark rests and windows become final by the clock alone")
    func finalByClock() throws {
        let engine = engine(partitions: 2, try smallSettings())
        _ = engine.place(eventTime: base + 1500, inPartitionAt: 0)
        for index in 0...1 { engine.reachedEnd(ofPartitionAt: index, now: base) }
        engine.checkIdleness(now: base + 499)
        #expect(!engine.allIdle)
        engine.checkIdleness(now: base + 500)
        #expect(engine.allIdle)
        #expect(engine.watermark == nil)
        #expect(engine.watermarkHeldBy == nil)
        // [base + 1000, base + 2000) is final from its end + delay + timeout on, by the clock.
        let moment = base + 2000 + 2000 + 500
        #expect(engine.finalBefore(now: moment - 1) == base + 1000)
        #expect(engine.finalBefore(now: moment) == base + 2000)
        // Nothing becomes final after the latest window.
        #expect(engine.finalBefore(now: moment + 86_400_000) == base + 2000)
        // Finality by the clock makes no event late.
        engine.beginBatch(now: moment)
        engine.sawRecords(inPartitionAt: 1, now: moment)
        #expect(engine.place(eventTime: base + 1, inPartitionAt: 1) == .counted(windowStart: window(base)))
    }

    @Test("a window is final when the watermark is at its end - 1 ms, not a millisecond before")
    func finalByWatermark() throws {
        for (offset, expected) in [(Int64(-1), base), (0, base + 1000), (1, base + 1000)] {
            let engine = engine(partitions: 1, try smallSettings())
            _ = engine.place(eventTime: base + 999 + 2001 + offset, inPartitionAt: 0)
            #expect(engine.watermark == base + 999 + offset)
            #expect(engine.finalBefore(now: base) == expected)
        }
        #expect(engine(partitions: 1, try smallSettings()).finalBefore(now: base) == nil)
        #expect(WindowEngine(settings: try smallSettings(), now: base).finalBefore(now: base) == nil)
    }

    @Test("a partition added while running holds the watermark where it is until it brings an event or idles")
    func newPartition() throws {
        let engine = engine(partitions: 1, try smallSettings())
        _ = engine.place(eventTime: base + 5000, inPartitionAt: 0)
        let index = engine.addPartition(7, now: base)
        #expect(index == 1)
        _ = engine.place(eventTime: base + 9000, inPartitionAt: 0)
        #expect(engine.watermark == base + 5000 - 2001)
        #expect(engine.watermarkHeldBy == 7)
        _ = engine.place(eventTime: base + 1, inPartitionAt: 1)
        #expect(engine.watermark == base + 5000 - 2001)
        engine.reachedEnd(ofPartitionAt: 1, now: base)
        engine.checkIdleness(now: base + 500)
        #expect(engine.watermark == base + 9000 - 2001)
    }

    @Test("durations out of bounds are refused by their flag's name")
    func settingsBounds() throws {
        let day: Int64 = 86_400_000
        for window in [Int64(0), -60_000, 999, 1001, 1500, 7000, day + 1000, 2 * day, Int64.max, Int64.min] {
            let error = #expect(throws: WindowSettings.OutOfBounds.self) {
                try WindowSettings(windowMilliseconds: window)
            }
            #expect(error?.setting == "window")
        }
        for window in [1000, 60_000, 3_600_000, day] as [Int64] { _ = try WindowSettings(windowMilliseconds: window) }
        for bad in [Int64(-1), Int64.min, WindowSettings.longestMilliseconds + 1, Int64.max] {
            let attempts: [(String, () throws -> WindowSettings)] = [
                ("watermark-delay", { try WindowSettings(watermarkDelayMilliseconds: bad) }),
                ("allowed-lateness", { try WindowSettings(allowedLatenessMilliseconds: bad) }),
                ("idle-timeout", { try WindowSettings(idleTimeoutMilliseconds: bad) }),
                ("max-future-skew", { try WindowSettings(maxFutureSkewMilliseconds: bad) }),
            ]
            for (name, attempt) in attempts {
                let error = #expect(throws: WindowSettings.OutOfBounds.self) { try attempt() }
                #expect(error?.description.hasPrefix("--\(name) must be ") == true)
            }
        }
    }

    @Test("the largest durations and the largest event time overflow nothing")
    func extremes() throws {
        let longest = WindowSettings.longestMilliseconds
        let settings = try WindowSettings(
            windowMilliseconds: 86_400_000, watermarkDelayMilliseconds: longest, allowedLatenessMilliseconds: longest,
            idleTimeoutMilliseconds: longest, maxFutureSkewMilliseconds: longest)
        let engine = EngineUnderTest(settings: settings, now: 0)
        engine.addPartition(0, now: 0)
        for now in [Int64(0), base, 99_999_999_999_999] {
            engine.beginBatch(now: now)
            for time in [Int64(1), 99_999_999_999_999, 1000] { _ = engine.place(eventTime: time, inPartitionAt: 0) }
            engine.reachedEnd(ofPartitionAt: 0, now: now)
            engine.checkIdleness(now: now)
            #expect(engine.finalBefore(now: now) ?? 0 >= 0)
        }
    }
}
