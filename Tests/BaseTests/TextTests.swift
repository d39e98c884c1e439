// The calendar and the spellings of times, durations and sizes, against Foundation's where it has them.

import Base
import Foundation
import Testing

@Suite struct CalendarTests {
    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? .current
        return calendar
    }()

    @Test func daysEqualFoundations() {
        // Foundation's calendar is Julian before 1582-10-15.
        for day in stride(from: Int64(-141_427), through: 2_932_896, by: 97) {
            let parts = Self.calendar.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400))
            let date = CivilDate(epochDay: day)
            #expect([date.year, date.month, date.day] == [parts.year, parts.month, parts.day].map { Int64($0 ?? 0) })
        }
    }

    @Test func eachDayOfTheYears0To9999HasOneDate() {
        var known = CivilDate(epochDay: CivilDate.fourDigitDays.lowerBound)
        #expect(known.text == "0000-01-01")
        for day in CivilDate.fourDigitDays.dropFirst() {
            let date = CivilDate(epochDay: day)
            let follows =
                date.day == known.day + 1 && date.month == known.month
                || date.day == 1 && (date.month == known.month + 1 || date.month == 1 && known.month == 12)
            guard follows, date.epochDay == day, CivilDate(year: date.year, month: date.month, day: date.day) == date
            else {
                Issue.record("\(known.text) is followed by \(date.text)")
                return
            }
            known = date
        }
        #expect(known.text == "9999-12-31")
    }

    @Test(arguments: [
        (2021, 2, 29), (1900, 2, 29), (2021, 4, 31), (2021, 0, 1), (2021, 13, 1), (2021, 1, 0), (10_000, 1, 1),
    ])
    func otherDaysAreNone(_ year: Int, _ month: Int, _ day: Int) {
        #expect(CivilDate(year: Int64(year), month: Int64(month), day: Int64(day)) == nil)
    }

    @Test func daysFarAwayDoNotTrap() {
        #expect(CivilDate(epochDay: 2_932_897).text == "10000-01-01")
        #expect(CivilDate(epochDay: -719_529).text == "-0001-12-31")
        for day in [Int64.min, -1 << 48, 1 << 48, .max] { #expect(!CivilDate(epochDay: day).text.isEmpty) }
        #expect(CivilDate(epochDay: .max) == CivilDate(epochDay: CivilDate.epochDays.upperBound))
    }
}

@Suite struct UTCTextTests {
    @Test func secondsAreWrittenAsFoundationWritesThem() {
        var second: Int64 = -12_000_000_000
        while second < 253_402_300_800 {
            #expect(UTCText.seconds(second) == Date(timeIntervalSince1970: Double(second)).ISO8601Format())
            second += 86_400 * 311 + 12_347
        }
    }

    @Test func millisecondsAreRoundedDown() {
        #expect(UTCText.milliseconds(-1) == "1969-12-31T23:59:59Z")
        #expect(UTCText.milliseconds(999) == "1970-01-01T00:00:00Z")
        #expect(UTCText.sortable(milliseconds: 253_402_300_799_999) == "9999-12-31T23:59:59Z")
        for time in [253_402_300_800_000, -62_167_219_200_001, Int64.min, .max] {
            #expect(UTCText.sortable(milliseconds: time) == nil)
            #expect(!UTCText.milliseconds(time).isEmpty)
        }
    }

    @Test func whatIsWrittenIsRead() {
        for second in [Int64(-62_167_219_200), -1, 0, 951_782_400, 1_611_662_684, 253_402_300_799] {
            #expect(Instant(UTCText.seconds(second))?.seconds == second)
        }
        #expect(Instant("2026-11-23T06:50:07.123Z")?.milliseconds == 1_795_416_607_123)
    }
}

@Suite struct QuantityTests {
    @Test(
        arguments: [
            ("0s", 0), ("200ms", 200), ("20s", 20_000), ("1.5s", 1500), ("5m", 300_000), ("24h", 86_400_000),
            ("7d", 604_800_000), ("007s", 7000), ("5 s", 5000), ("5S", 5000), ("5sec", 5000), ("1 hour", 3_600_000),
            ("15 min", 900_000), ("2 weeks", 1_209_600_000), ("0.0005s", 1), ("0.0004s", 0),
            ("106751991167d", 9_223_372_036_828_800_000),
        ] as [(String, Int64)])
    func durations(_ text: String, _ milliseconds: Int64) {
        #expect(Quantity.durations.read(text) == milliseconds)
        #expect(Quantity.durations.read(Quantity.durations.write(milliseconds)) == milliseconds)
    }

    @Test(arguments: [
        "", "s", "5", "-5s", "+5s", "1.s", ".5s", "1.2.3s", "5s ", " 5s", "９s", "9223372036854775807d", "1x", "1 s x",
        "nan",
        "99999999999999999999ms", "1e9s", "1.0000000001s", "106751991168d", "0,5s",
    ])
    func anythingElseIsNoDuration(_ text: String) { #expect(Quantity.durations.read(text) == nil) }

    @Test func aNumberAloneIsOneWhereItHasAScale() {
        #expect(Quantity.durations.read("7", plain: 1000) == 7000)
        #expect(Quantity.durations.read("0.1", plain: 1000) == 100)
        #expect(Quantity.durations.read("", plain: 1000) == nil)
    }

    @Test(
        arguments: [
            ("64MiB", 64 << 20), ("1GiB", 1 << 30), ("1.5GiB", 3 << 29), ("10MB", 10_000_000), ("512B", 512),
            ("1 tib", 1 << 40),
        ] as [(String, Int64)])
    func sizes(_ text: String, _ bytes: Int64) {
        #expect(Quantity.sizes.read(text) == bytes)
        #expect(Quantity.sizes.read(Quantity.sizes.write(bytes)) == bytes)
        #expect(Quantity.sizes.read("9999999999GiB") == nil && Quantity.sizes.read("10") == nil)
    }

    @Test func theLargestUnitIsWritten() {
        for (value, text) in [
            (0, "0ms"), (200, "200ms"), (60_000, "1m"), (90_000, "90s"), (86_400_000, "1d"), (-5, "-5ms"),
        ] {
            #expect(Quantity.durations.write(Int64(value)) == text)
        }
        #expect(Quantity.sizes.write(10 << 30) == "10GiB" && Quantity.sizes.write(1000) == "1000B")
    }

    @Test func peopleGetRoundNumbers() {
        #expect([0, 1023, 1536, 10 << 30].map(Quantity.size) == ["0 bytes", "1023 bytes", "1.5 KiB", "10 GiB"])
        #expect(
            [-5, 5, 61_000, 150_000, 7_200_000].map(Quantity.duration) == ["0 ms", "5 ms", "61 s", "2 min", "2 h"])
    }
}
