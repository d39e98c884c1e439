// The project's calendar: days of the proleptic Gregorian calendar, as in Kafka's clients, SQLite, Iceberg and Parquet.
// Invariant: `CivilDate(epochDay: date.epochDay) == date` for each date that `init?(year:month:day:)` returns.

/// A day.
package struct CivilDate: Equatable, Sendable {
    /// The year; 0 is the year before year 1.
    package let year: Int64
    /// 1 to 12.
    package let month: Int64
    /// 1 to 31.
    package let day: Int64

    /// The range of days from 1970-01-01: within it no `Int64` overflows, and it includes every day of a 64-bit number
    /// of seconds.
    package static let epochDays: ClosedRange<Int64> = -200_000_000_000_000...200_000_000_000_000
    /// The days of the years 0 to 9999, whose texts have four-digit years and sort chronologically.
    package static let fourDigitDays: ClosedRange<Int64> = -719_528...2_932_896

    private static let daysOf400Years: Int64 = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysFromMarchOfYear0: Int64 = 719_468

    /// The day `epochDay` days after 1970-01-01, or before it when negative.
    /// - Parameter epochDay: clamped to `epochDays`.
    package init(epochDay: Int64) {
        // Years are counted from March, so that the leap day comes last.
        let days = min(max(epochDay, Self.epochDays.lowerBound), Self.epochDays.upperBound) + Self.daysFromMarchOfYear0
        let era = days.flooredQuotient(by: Self.daysOf400Years)
        let dayOfEra = days - era * Self.daysOf400Years
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// nil when the calendar has no such day or the year is not within 0 to 9999 (inclusive).
    package init?(year: Int64, month: Int64, day: Int64) {
        guard (0...9999).contains(year), (1...12).contains(month), (1...Self.days(of: month, in: year)).contains(day)
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
        assert(CivilDate(epochDay: epochDay) == self, "a day survives the conversion")
    }

    /// Days since 1970-01-01.
    package var epochDay: Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.flooredQuotient(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * Self.daysOf400Years + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - Self.daysFromMarchOfYear0
    }

    /// `YYYY-MM-DD`; a year beyond 9999 has more digits, and one before 0 a minus sign.
    package var text: String { "\(year.padded(4))-\(month.padded(2))-\(day.padded(2))" }

    private static func days(of month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    /// The quotient rounded down.
    /// - Parameter divisor: must be positive.
    package func flooredQuotient(by divisor: Int64) -> Int64 {
        assert(divisor > 0, "the divisor is positive")
        return self / divisor - (self % divisor < 0 ? 1 : 0)
    }

    /// The digits with leading zeros, at least `width` of them; a minus sign comes before.
    package func padded(_ width: Int) -> String {
        let digits = String(magnitude)
        return (self < 0 ? "-" : "") + String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
    }
}
