// The three spellings of UTC time that S3 uses, and seconds since the Unix epoch.

enum Timestamps {
    /// `20150830T123600Z`, as x-amz-date wants it.
    static func compact(_ seconds: Int64) -> String {
        let (year, month, day) = civil(floorDivide(seconds, 86_400))
        let time = seconds - floorDivide(seconds, 86_400) * 86_400
        return pad(year, 4) + pad(month, 2) + pad(day, 2) + "T" + pad(time / 3600, 2) + pad(time / 60 % 60, 2)
            + pad(time % 60, 2) + "Z"
    }

    /// Seconds for `2026-11-23T06:50:07.123Z` (listings), or nil.
    static func parseISO(_ text: String) -> Int64? {
        let fields = text.split { !$0.isASCII || !$0.isNumber }.compactMap { Int64($0) }
        guard fields.count >= 6 else { return nil }
        return seconds(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5])
    }

    /// Seconds for `Mon, 23 Nov 2026 06:50:07 GMT` (headers; RFC 9110, 5.6.7), or nil.
    static func parseHTTP(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: words[2]) else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int64($0) }
        guard let day = Int64(words[1]), let year = Int64(words[3]), clock.count == 3 else { return nil }
        return seconds(year, Int64(month) + 1, day, clock[0], clock[1], clock[2])
    }

    private static let months: [Substring] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func seconds(
        _ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64, _ minute: Int64, _ second: Int64
    ) -> Int64? {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        return days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// Days since 1970-01-01 in the Gregorian calendar, counted in years that start in March.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let index = (5 * dayOfYear + 2) / 153
        let month = index < 10 ? index + 3 : index - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * index + 2) / 5 + 1)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : (value - divisor + 1) / divisor
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
