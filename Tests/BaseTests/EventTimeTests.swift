// Units of timestamps, conversions, and arithmetic at its bounds.

import Base
import Testing

@Suite("Event time")
struct EventTimeTests {
    @Test("the unit of a timestamp is told by its magnitude")
    func units() {
        #expect(EventTime(timestamp: 1_611_662_684)?.rawValue == 1_611_662_684_000_000)
        #expect(EventTime(timestamp: 1_611_662_684_123)?.rawValue == 1_611_662_684_123_000)
        #expect(EventTime(timestamp: 1_611_662_684_123_456)?.rawValue == 1_611_662_684_123_456)
    }

    @Test("zero, negative and absurd timestamps are none")
    func bounds() {
        for value in [0, -1, Int64.min, 100_000_000_000_000_000, Int64.max] {
            #expect(EventTime(timestamp: value) == nil)
        }
        #expect(EventTime(timestamp: 99_999_999_999)?.rawValue == 99_999_999_999_000_000)
        #expect(EventTime(timestamp: 100_000_000_000)?.rawValue == 100_000_000_000_000)
        #expect(EventTime(timestamp: 99_999_999_999_999)?.rawValue == 99_999_999_999_999_000)
        #expect(EventTime(timestamp: 100_000_000_000_000)?.rawValue == 100_000_000_000_000)
    }

    @Test("milliseconds are rounded down, and every number of a file comes back as it was")
    func milliseconds() {
        #expect(EventTime(rawValue: 1_999).milliseconds == 1)
        #expect(EventTime(rawValue: -1).milliseconds == -1)
        #expect(EventTime(rawValue: -1_000).milliseconds == -1)
        #expect(EventTime(rawValue: .min).milliseconds == Int64.min / 1000 - 1)
        for value in [Plausible.milliseconds.lowerBound, -1, 0, 1_611_662_684_123, Plausible.milliseconds.upperBound] {
            #expect(EventTime(milliseconds: value).milliseconds == value)
        }
    }

    @Test("a sum beyond the bounds stays at the bound")
    func arithmetic() {
        let time = EventTime(milliseconds: 5_000)
        #expect(time + 1 == EventTime(milliseconds: 5_001) && time - 6_000 == EventTime(milliseconds: -1_000))
        #expect(EventTime(milliseconds: .max).rawValue == .max && EventTime(milliseconds: .min).rawValue == .min)
        #expect((EventTime(rawValue: .max) + 1).rawValue == .max && (EventTime(rawValue: .min) - 1).rawValue == .min)
        #expect((time + .max).rawValue == .max && (time - .max).rawValue < 0 && (time + .min).rawValue < 0)
        #expect(time.milliseconds(since: EventTime(milliseconds: 5_500)) == -500)
        #expect(EventTime(rawValue: .max).milliseconds(since: EventTime(rawValue: .min)) == Int64.max / 1000)
    }

    @Test("a window's start is whole seconds for people and a time for the engine")
    func windows() {
        let start = WindowStart(seconds: 1_611_662_640)
        #expect(start.seconds == 1_611_662_640 && start.time == EventTime(milliseconds: 1_611_662_640_000))
        #expect(start.end(lengthMilliseconds: 60_000) == WindowStart(seconds: 1_611_662_700))
        #expect(WindowStart(rawValue: -1).seconds == -1 && WindowStart.epoch.seconds == 0)
        for value in [Plausible.windowStart.lowerBound, -60, 0, Plausible.windowStart.upperBound] {
            #expect(WindowStart(seconds: value).seconds == value)
        }
        #expect(WindowStart(seconds: .max) == .last && WindowStart(seconds: .min) == .first)
        #expect(WindowStart.last.end(lengthMilliseconds: 1) == .last)
    }
}
