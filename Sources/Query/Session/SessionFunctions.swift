// SQL functions that a session adds.

internal import SQLite

/// The functions of a session.
enum SessionFunctions {
    /// Defines them on a new connection.
    /// - Parameter wallClock: milliseconds since the Unix epoch.
    static func define(on connection: Connection, wallClock: @escaping () -> Int64) throws {
        // Deterministic within a statement as far as the planner is concerned, so that it is computed once and can
        // bound an index.
        try connection.define(function: "ago", argumentCount: 1, isDeterministic: true) { arguments in
            guard case .text(let text)? = arguments.first, let span = TimeSpan.milliseconds(of: text) else {
                return .null
            }
            let moment = wallClock().subtractingReportingOverflow(span)
            return moment.overflow
                ? .null : UTCTime.text(epochMilliseconds: moment.partialValue).map(Value.text) ?? .null
        }
    }
}

extension SessionFunctions {
    /// Makes the view `history` over what has been entered. Must come before the connection is made read-only; the view
    /// is in the connection's own temporary schema.
    static func defineHistory(on connection: Connection, _ json: @escaping () -> String) throws {
        try connection.define(function: "pageviews_history", argumentCount: 0, isDeterministic: false) { _ in
            .text(json())
        }
        try connection.execute(
            """
            CREATE TEMP VIEW IF NOT EXISTS history AS
            SELECT value ->> 0 AS number, value ->> 1 AS at, value ->> 2 AS statement FROM json_each(pageviews_history())
            """)
    }
}

/// Lengths of time as people write them.
enum TimeSpan {
    /// `90s`, `1 hour`, `15 min`, `2 days`, `250ms`; nil when it is none or does not fit.
    static func milliseconds(of text: String) -> Int64? {
        let trimmed = text.trimmed
        let digits = trimmed.prefix { $0.isASCII && $0.isNumber }
        let unit = trimmed.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        guard let number = Int64(digits), let factor = factors[unit] else { return nil }
        let product = number.multipliedReportingOverflow(by: factor)
        return product.overflow ? nil : product.partialValue
    }

    private static let factors: [String: Int64] = {
        let units: [(Int64, [String])] = [
            (1, ["ms", "millisecond", "milliseconds"]), (1000, ["s", "sec", "second", "seconds"]),
            (60_000, ["m", "min", "minute", "minutes"]), (3_600_000, ["h", "hour", "hours"]),
            (86_400_000, ["d", "day", "days"]), (604_800_000, ["w", "week", "weeks"]),
        ]
        return Dictionary(uniqueKeysWithValues: units.flatMap { factor, names in names.map { ($0, factor) } })
    }()
}

/// Points in time as the views show them.
enum UTCTime {
    /// `2021-01-26T12:04:00Z`, whole seconds rounded down; nil outside the years 0 to 9999.
    static func text(epochMilliseconds: Int64) -> String? {
        let seconds = epochMilliseconds.flooredDivision(by: 1000)
        let day = seconds.flooredDivision(by: 86_400)
        guard (-719_528...2_932_896).contains(day) else { return nil }
        let (year, month, dayOfMonth) = civil(fromEpochDay: day)
        let inDay = seconds - day * 86_400
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))T"
            + "\(padded(inDay / 3600, 2)):\(padded(inDay / 60 % 60, 2)):\(padded(inDay % 60, 2))Z"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// Proleptic Gregorian date; years are counted from March so that the leap day comes last.
    private static func civil(fromEpochDay day: Int64) -> (Int64, Int64, Int64) {
        let shifted = day + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        self / divisor - (self % divisor < 0 ? 1 : 0)
    }
}

extension StringProtocol {
    /// Without white space at either end.
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
