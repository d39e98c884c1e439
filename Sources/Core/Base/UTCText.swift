// The project's output format of times: ISO 8601 in UTC, whole seconds, rounded down: `2021-01-26T12:04:00Z`.

/// Times as text.
package enum UTCText {
    /// `2021-01-26T12:04:00Z` for seconds since the Unix epoch. Years outside 0 to 9999 have other widths
    /// (`CivilDate.text`).
    package static func seconds(_ seconds: Int64) -> String {
        let day = seconds.flooredQuotient(by: 86_400)
        return "\(CivilDate(epochDay: day).text)T\(clock(seconds - day * 86_400))Z"
    }

    /// As `seconds`, for milliseconds since the Unix epoch.
    package static func milliseconds(_ milliseconds: Int64) -> String {
        seconds(milliseconds.flooredQuotient(by: 1000))
    }

    /// As `seconds`, for milliseconds; nil outside the years 0 to 9999, for which SQLite has no text either.
    package static func sortable(milliseconds: Int64) -> String? {
        let seconds = milliseconds.flooredQuotient(by: 1000)
        return CivilDate.fourDigitDays.contains(seconds.flooredQuotient(by: 86_400)) ? self.seconds(seconds) : nil
    }

    /// `12:04:44` for a second of the day.
    private static func clock(_ second: Int64) -> String {
        "\((second / 3600).padded(2)):\((second / 60 % 60).padded(2)):\((second % 60).padded(2))"
    }
}
