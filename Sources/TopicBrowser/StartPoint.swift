// Where looking at a topic begins, as people write it.

/// Where looking at a topic begins.
public enum StartPoint: Equatable, Sendable {
    /// With the newest messages that there are; when following, with the ones that come.
    case end
    /// With the oldest message.
    case beginning
    /// At this offset of each partition.
    case offset(Int64)
    /// With the first message at or after this time, milliseconds since the Unix epoch.
    case time(Int64)

    /// Reads `beginning`, `end`, an offset, a time such as `2021-01-26T12:04:44Z`, `2021-01-26T12:04` or `2021-01-26`
    /// (UTC), or one relative to now such as `-1h`.
    /// - Parameters:
    ///   - text: what was written.
    ///   - now: milliseconds since the Unix epoch.
    /// - Returns: nil when it is none of these.
    public init?(_ text: String, now: Int64) {
        switch text {
        case "beginning", "earliest", "start": self = .beginning
        case "end", "latest": self = .end
        default:
            if text.first == "-" {
                guard let span = Self.span(text.dropFirst()) else { return nil }
                self = .time(max(0, now - span))
            } else if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
                guard let offset = Int64(text) else { return nil }
                self = .offset(offset)
            } else {
                guard let time = Self.time(text) else { return nil }
                self = .time(time)
            }
        }
    }

    /// Milliseconds of `90s`, `15m`, `1h`, `2d`.
    private static func span(_ text: Substring) -> Int64? {
        let units: [Substring: Int64] = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits), let scale = units[text.dropFirst(digits.count)] else { return nil }
        let product = number.multipliedReportingOverflow(by: scale)
        return product.overflow ? nil : product.partialValue
    }

    // MARK: ISO 8601

    private static func time(_ text: String) -> Int64? {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "T" || $0 == " " }
        guard (1...2).contains(parts.count), let day = day(parts[0]) else { return nil }
        guard parts.count == 2 else { return day * 86_400_000 }
        guard let (clock, shift) = zone(parts[1]), let time = clockTime(clock) else { return nil }
        return day * 86_400_000 + time - shift
    }

    private static func numbers(_ text: Substring, _ separator: Character, lengths: [Int]) -> [Int64]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        let isRight = parts.count == lengths.count && zip(parts, lengths).allSatisfy { $0.count == $1 }
        let values = parts.compactMap { part in part.allSatisfy { $0.isASCII && $0.isNumber } ? Int64(part) : nil }
        return isRight && values.count == lengths.count ? values : nil
    }

    /// Days since the epoch of a date of the Gregorian calendar (Hinnant, chrono-compatible date algorithms).
    private static func day(_ text: Substring) -> Int64? {
        guard let date = numbers(text, "-", lengths: [4, 2, 2]), (1...12).contains(date[1]) else { return nil }
        let lengths: [Int64] = [31, isLeap(date[0]) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...lengths[Int(date[1]) - 1]).contains(date[2]), date[0] >= 1970 else { return nil }
        let year = date[1] <= 2 ? date[0] - 1 : date[0]
        let (era, yearOfEra) = (year / 400, year % 400)
        let dayOfYear = (153 * ((date[1] + 9) % 12) + 2) / 5 + date[2] - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    /// `12:04:44+01:00` as the clock and how far it is ahead of UTC, in milliseconds.
    private static func zone(_ text: Substring) -> (Substring, Int64)? {
        if text.last == "Z" || text.last == "z" { return (text.dropLast(), 0) }
        guard let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) else { return (text, 0) }
        guard let shift = numbers(text[text.index(after: sign)...], ":", lengths: [2, 2]), shift[0] < 24, shift[1] < 60
        else { return nil }
        return (text[..<sign], (text[sign] == "-" ? -1 : 1) * (shift[0] * 60 + shift[1]) * 60_000)
    }

    private static func clockTime(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let whole = numbers(parts[0], ":", lengths: [2, 2, 2]) ?? numbers(parts[0], ":", lengths: [2, 2])
        guard let whole, whole[0] < 24, whole[1] < 60, whole.count == 2 || whole[2] < 60 else { return nil }
        let seconds = whole[0] * 3600 + whole[1] * 60 + (whole.count > 2 ? whole[2] : 0)
        guard parts.count == 2 else { return seconds * 1000 }
        let digits = parts[1].prefix(3)
        guard whole.count == 3, !digits.isEmpty, parts[1].allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int64(digits + String(repeating: "0", count: 3 - digits.count)).map { seconds * 1000 + $0 }
    }
}
