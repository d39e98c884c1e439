// What the generator makes: reproducible, of the mix asked for, from postcodes that exist once each.

import Foundation
import Testing

@testable import Generator

@Suite("Event stream")
struct EventStreamTests {
    static let mix = [(80, 20_000), (10, 86_400_000), (10, 172_800_000)].map {
        LatenessClass(weight: $0.0, latestMilliseconds: $0.1)
    }
    static let clock: Int64 = 1_611_662_640_000

    static func events(
        _ count: Int, seed: UInt64 = 7, classes: [LatenessClass] = mix, postcodes: Int = 2000, unit: TimeUnit = .s,
        clock: Int64 = clock
    ) -> [(kind: Int, bytes: [UInt8])] {
        var stream = EventStream(seed: seed, classes: classes, postcodes: postcodes, unit: unit)
        var bytes: [UInt8] = []
        return (0..<count).map { _ in
            let kind = stream.next(clock: clock, into: &bytes)
            return (kind, bytes)
        }
    }

    struct PageView: Decodable {
        let user_id: Int64
        let postcode: String
        let webpage: String
        let timestamp: Int64
    }

    static func decoded(_ events: [(kind: Int, bytes: [UInt8])]) throws -> [PageView] {
        try events.map { try JSONDecoder().decode(PageView.self, from: Data($0.bytes)) }
    }

    @Test("the same seed gives the same bytes, another seed others")
    func reproducible() {
        let first = Self.events(2000)
        #expect(Self.events(2000).map(\.bytes) == first.map(\.bytes))
        #expect(Self.events(2000, seed: 8).map(\.bytes) != first.map(\.bytes))
        // What a seed means must not change: users' recordings depend on it.
        #expect(
            String(decoding: first[0].bytes, as: UTF8.self)
                == #"{"user_id": 74487, "postcode": "AB35", "webpage": "www.website.com/prices18.html", "timestamp": 1611662630}"#
        )
    }

    @Test("the clock moves the timestamps and nothing else")
    func clockOnly() throws {
        let now = try Self.decoded(Self.events(500, unit: .ms))
        let later = try Self.decoded(Self.events(500, unit: .ms, clock: Self.clock + 5000))
        for (a, b) in zip(now, later) {
            #expect(b.timestamp - a.timestamp == 5000)
            #expect(a.user_id == b.user_id && a.postcode == b.postcode && a.webpage == b.webpage)
        }
    }

    @Test("each class has its share, and no event is later than its class allows")
    func classes() throws {
        let events = Self.events(20_000, unit: .ms)
        let views = try Self.decoded(events)
        for (kind, (share, latest)) in [(0.8, 20_000), (0.1, 86_400_000), (0.1, 172_800_000)].enumerated() {
            let lateness = zip(events, views).filter { $0.0.kind == kind }.map { Self.clock - $0.1.timestamp }
            // Five standard deviations of a draw of 20,000.
            let deviation = (share * (1 - share) * 20_000).squareRoot() * 5
            #expect(abs(Double(lateness.count) - share * 20_000) < deviation)
            #expect(lateness.allSatisfy { (0...Int64(latest)).contains($0) })
            #expect(lateness.max() ?? 0 > Int64(latest) * 9 / 10)
            #expect(lateness.min() ?? .max < Int64(latest) / 10)
        }
    }

    @Test("weights need not add up to 100, and one of zero never comes")
    func weights() {
        let classes = [
            LatenessClass(weight: 0, latestMilliseconds: 5), LatenessClass(weight: 3, latestMilliseconds: 0),
        ]
        #expect(Self.events(500, classes: classes).allSatisfy { $0.kind == 1 })
    }

    @Test("the units of time agree")
    func units() throws {
        let seconds = try Self.decoded(Self.events(300, unit: .s))
        let milliseconds = try Self.decoded(Self.events(300, unit: .ms))
        let microseconds = try Self.decoded(Self.events(300, unit: .us))
        for index in 0..<300 {
            #expect(milliseconds[index].timestamp / 1000 == seconds[index].timestamp)
            #expect(microseconds[index].timestamp == milliseconds[index].timestamp * 1000)
        }
        // Never before the epoch, where no timestamp is valid.
        #expect(try Self.decoded(Self.events(300, clock: 5)).allSatisfy { $0.timestamp >= 1 })
    }

    @Test("postcodes are as many as asked for, all different, and fit an event")
    func postcodes() {
        for count in [1, 2, 100, 2000, 2999, 50_000] {
            let list = Postcodes.list(count)
            #expect(list.count == count)
            #expect(Set(list).count == count)
            #expect(
                list.allSatisfy { (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } })
        }
        #expect(Array(Postcodes.list(2000).prefix(100)) == Postcodes.list(100))
        let pattern = /[A-Z]{1,2}[0-9]{1,2}/
        #expect(Postcodes.list(2000).allSatisfy { $0.wholeMatch(of: pattern) != nil })
    }

    @Test("few postcodes get most of the views, and every one may be drawn")
    func skew() throws {
        let views = try Self.decoded(Self.events(20_000, postcodes: 100))
        var counts: [String: Int] = [:]
        for view in views { counts[view.postcode, default: 0] += 1 }
        #expect(Set(counts.keys) == Set(Postcodes.list(100)))
        let sorted = counts.values.sorted(by: >)
        // Zipf over 100: the first has 19 %, the first ten 56 %.
        #expect((3400...4300).contains(sorted[0]))
        #expect((10_600...11_900).contains(sorted.prefix(10).reduce(0, +)))
        #expect(try Self.decoded(Self.events(50, postcodes: 1)).allSatisfy { $0.postcode == Postcodes.list(1)[0] })
    }
}
