import Testing
import Windowing

@Suite("Event time")
struct EventTimeTests {
    @Test("the unit of a timestamp is told by its magnitude")
    func units() {
        #expect(EventTime.microseconds(ofTimestamp: 1_611_662_684) == 1_611_662_684_000_000)
        #expect(EventTime.microseconds(ofTimestamp: 1_611_662_684_123) == 1_611_662_684_123_000)
        #expect(EventTime.microseconds(ofTimestamp: 1_611_662_684_123_456) == 1_611_662_684_123_456)
    }

    @Test("zero, negative and absurd timestamps are none")
    func bounds() {
        for value in [0, -1, Int64.min, 100_000_000_000_000_000, Int64.max] {
            #expect(EventTime.microseconds(ofTimestamp: value) == nil)
        }
        #expect(EventTime.microseconds(ofTimestamp: 99_999_999_999) == 99_999_999_999_000_000)
        #expect(EventTime.microseconds(ofTimestamp: 100_000_000_000) == 100_000_000_000_000)
        #expect(EventTime.microseconds(ofTimestamp: 99_999_999_999_999) == 99_999_999_999_999_000)
        #expect(EventTime.microseconds(ofTimestamp: 100_000_000_000_000) == 100_000_000_000_000)
    }
}
