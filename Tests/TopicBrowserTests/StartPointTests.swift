// Tests of where looking at a topic begins.

import Base
import Testing

@testable import TopicBrowser

@Suite struct StartPointTests {
    private let now: Int64 = 1_611_666_240_000

    @Test(arguments: [
        ("beginning", StartPoint.beginning), ("end", .end), ("0", .offset(0)), ("9223372036854775807", .offset(.last)),
        ("-1h", .time(1_611_662_640_000)), ("-250ms", .time(1_611_666_239_750)), ("-100000d", .time(0)),
        ("2021-01-26T12:04:44Z", .time(1_611_662_684_000)), ("2021-01-26T12:04", .time(1_611_662_640_000)),
        ("2021-01-26 12:04:44.5", .time(1_611_662_684_500)), ("2021-01-26", .time(1_611_619_200_000)),
        ("2021-01-26T13:04:00+01:00", .time(1_611_662_640_000)), ("1970-01-01", .time(0)),
        ("2024-02-29T00:00:00Z", .time(1_709_164_800_000)), ("9999-12-31", .time(253_402_214_400_000)),
        ("2021-01-26T12", .time(1_611_662_400_000)), ("-1.5h", .time(1_611_660_840_000)),
        ("-1 hour", .time(1_611_662_640_000)),
    ])
    func `places are understood`(_ text: String, _ expected: StartPoint) {
        #expect(StartPoint(text, now: now) == expected)
    }

    @Test(arguments: [
        "", "-", "-1", "-1y", "-99999999999999999999d", "99999999999999999999", "1.5", "yesterday", "2021-13-01",
        "2021-02-29", "2021-01-26T25:00", "2021-01-26T12:60", "21-01-26", "2021-01-26T12:04:44.Z",
        "2021-01-26T12:04+25:00", "1969-12-31", "٣", "2021-01-26T12:04:44Zx", "T12:04",
    ])
    func `anything else is not`(_ text: String) {
        #expect(StartPoint(text, now: now) == nil)
    }

    @Test func `an offset beyond a partition's begins at its edge`() {
        var request = BrowseRequest(topic: "t", start: .offset(5), limit: 10)
        #expect(TopicBrowser.start(request, first: 7, end: 20, later: nil) == 7)
        #expect(TopicBrowser.start(request, first: 0, end: 3, later: nil) == 3)
        request.start = .time(0)
        #expect(TopicBrowser.start(request, first: 0, end: 30, later: 12) == 12)
        #expect(TopicBrowser.start(request, first: 0, end: 30, later: nil) == 30)
        request.start = .end
        #expect(TopicBrowser.start(request, first: 0, end: 30, later: nil) == 20)
        #expect(TopicBrowser.start(request, first: 25, end: 30, later: nil) == 25)
        request.follows = true
        #expect(TopicBrowser.start(request, first: 0, end: 30, later: nil) == 30)
        request = BrowseRequest(topic: "t", start: .end, limit: nil)
        #expect(TopicBrowser.start(request, first: 3, end: 30, later: nil) == 3)
    }
}
