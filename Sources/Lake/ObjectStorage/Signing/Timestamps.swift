// S3's formats of UTC times, from and to seconds since the Unix epoch.

import Base

enum Timestamps {
    /// The format of x-amz-date: `20150830T123600Z`.
    static func compact(_ seconds: Int64) -> String {
        UTCText.seconds(seconds).filter { $0 != "-" && $0 != ":" }
    }

    /// Parses a header's date, `Mon, 23 Nov 2026 06:50:07 GMT` (RFC 9110, 5.6.7); nil when malformed.
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
        guard let date = CivilDate(year: year, month: month, day: day), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        return date.epochDay * 86_400 + hour * 3600 + minute * 60 + second
    }
}
