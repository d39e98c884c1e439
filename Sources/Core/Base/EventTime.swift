// Event times and watermarks.
//
// Invariant: a time from `init(timestamp:)` is more than 0 and less than 10^11 seconds after the Unix epoch (in the
// year 5138). Adding the durations of the settings to such a time does not reach the bounds of 64 bits. Other
// conversions and all arithmetic saturate.

/// Microseconds since the Unix epoch.
@frozen @usableFromInline
package struct EventTime: BareNumber {
    /// The microseconds.
    @usableFromInline package let rawValue: Int64

    /// Microseconds since the Unix epoch.
    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// The time of a timestamp whose magnitude gives its unit: positive values below 10^11 are seconds, below 10^14
    /// milliseconds, below 10^17 microseconds. nil for zero, negative and larger values.
    @inlinable
    package init?(timestamp value: Int64) {
        if value <= 0 { return nil }
        if value < 100_000_000_000 {
            rawValue = value * 1_000_000
        } else if value < 100_000_000_000_000 {
            rawValue = value * 1000
        } else if value < 100_000_000_000_000_000 {
            rawValue = value
        } else {
            return nil
        }
        assert(rawValue > 0 && rawValue < 100_000_000_000_000_000, "an event time is within its bounds")
    }

    /// The time of a number of milliseconds since the Unix epoch, or the nearest representable time.
    @inlinable
    package init(milliseconds: Int64) { rawValue = milliseconds.timesOrBound(1000) }

    /// Milliseconds since the Unix epoch, rounded down.
    @inlinable
    package var milliseconds: Int64 { rawValue / 1000 - (rawValue % 1000 < 0 ? 1 : 0) }

    /// The time that many milliseconds later, or the last representable time.
    @inlinable
    package static func + (time: Self, milliseconds: Int64) -> Self {
        Self(rawValue: time.rawValue.addingOrBound(milliseconds.timesOrBound(1000)))
    }

    /// The time that many milliseconds earlier, or the first representable time.
    @inlinable
    package static func - (time: Self, milliseconds: Int64) -> Self {
        Self(rawValue: time.rawValue.subtractingOrBound(milliseconds.timesOrBound(1000)))
    }

    /// Milliseconds from another time to this one, rounded down; negative when the other is later.
    @inlinable
    package func milliseconds(since other: Self) -> Int64 {
        EventTime(rawValue: rawValue.subtractingOrBound(other.rawValue)).milliseconds
    }
}
