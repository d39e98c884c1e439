// Reads points in time as people, SQLite and S3 write them: `2026-01-10T12:00:00Z`, optionally with a space for the T,
// with fewer parts, with a fraction, with an offset. Without an offset a time is UTC, as in SQLite's functions.
// Reading bytes does not allocate. Bytes in another form, or a day that the calendar does not have, give nil.

/// A point in time.
package struct Instant: Equatable, Comparable, Sendable {
    /// Seconds since the Unix epoch, rounded down.
    package var seconds: Int64
    /// Nanoseconds of the second, 0 to 999,999,999.
    var nanoseconds: Int64

    /// Whether the first is earlier.
    package static func < (first: Instant, second: Instant) -> Bool {
        (first.seconds, first.nanoseconds) < (second.seconds, second.nanoseconds)
    }
}

extension Instant {
    /// Milliseconds since the Unix epoch, rounded down.
    package var milliseconds: Int64 { seconds * 1000 + nanoseconds / 1_000_000 }

    /// nil when the text is not a time; see the other form.
    package init?(_ text: String) {
        var text = text
        guard let instant = text.withUTF8({ Instant(UnsafeRawBufferPointer($0)) }) else { return nil }
        self = instant
    }

    /// nil when the UTF-8 text is not a time. The forms are `YYYY-MM` and `YYYY-MM-DD`, optionally followed by `T` or
    /// one space and `HH`, `HH:MM` or `HH:MM:SS` with up to nine digits of fraction, then nothing, `Z`, `+HH:MM`,
    /// `+HHMM` or `+HH` (or with a minus sign).
    package init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = InstantReader(bytes)
        guard let instant = reader.instant() else { return nil }
        self = instant
    }
}

private struct InstantReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func instant() -> Instant? {
        guard let year = number(4), take("-"), let month = number(2) else { return nil }
        var day: Int64 = 1
        if !isAtEnd {
            guard take("-"), let given = number(2) else { return nil }
            day = given
        }
        guard let date = CivilDate(year: year, month: month, day: day) else { return nil }
        var instant = Instant(seconds: date.epochDay * 86_400, nanoseconds: 0)
        guard !isAtEnd else { return instant }
        guard take("T") || take("t") || take(" "), let hour = number(2), hour < 24 else { return nil }
        instant.seconds += hour * 3600
        if take(":") {
            guard let minute = number(2), minute < 60 else { return nil }
            instant.seconds += minute * 60
            if take(":") {
                guard let second = number(2), second < 60, let fraction = fraction() else { return nil }
                instant.seconds += second
                instant.nanoseconds = fraction
            }
        }
        guard let offset = offset(), isAtEnd else { return nil }
        instant.seconds -= offset
        return instant
    }

    private var isAtEnd: Bool { position == bytes.count }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, UInt32(bytes[position]) == character.value else { return false }
        position += 1
        return true
    }

    private mutating func digit() -> Int64? {
        guard position < bytes.count, (0x30...0x39).contains(bytes[position]) else { return nil }
        position += 1
        return Int64(bytes[position - 1] - 0x30)
    }

    private mutating func number(_ digits: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// Nanoseconds; 0 without a fraction.
    private mutating func fraction() -> Int64? {
        guard take(".") || take(",") else { return 0 }
        guard var value = digit() else { return nil }
        var digits = 1
        while let next = digit() {
            guard digits < 9 else { return nil }
            value = value * 10 + next
            digits += 1
        }
        for _ in digits..<9 { value *= 10 }
        return value
    }

    /// Seconds east of UTC.
    private mutating func offset() -> Int64? {
        if isAtEnd || take("Z") || take("z") { return 0 }
        _ = take(" ")
        let isWest = take("-")
        guard isWest || take("+"), let hours = number(2), hours < 24 else { return nil }
        var minutes: Int64 = 0
        if take(":") || !isAtEnd {
            guard let given = number(2), given < 60 else { return nil }
            minutes = given
        }
        return (isWest ? -1 : 1) * (hours * 3600 + minutes * 60)
    }
}
