// Event times, and watermarks, which are held against them.
//
// Invariant: a time that `init(timestamp:)` accepts lies in (0, 10^11) seconds after the Unix epoch, that is before the year
// 5139; sums of it and the durations of the settings never overflow 64 bits. What comes from elsewhere stays at the bound that
// its conversion would pass.

/// Microseconds since the Unix epoch.
@frozen @usableFromInline
package struct EventTime: BareNumber {
    /// The microseconds.
    @usableFromInline package let rawValue: Int64

    /// Microseconds since the Unix epoch.
    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// The time of a timestamp whose unit is told by its magnitude: above zero and below 10^11 seconds, below 10^14
    /// milliseconds, below 10^17 microseconds.
    /// - Returns: nil for zero, negative and larger values.
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
    }

    /// A time in milliseconds since the Unix epoch.
    @inlinable
    package init(milliseconds: Int64) { rawValue = milliseconds.timesOrBound(1000) }

    /// Milliseconds since the Unix epoch, rounded down.
    @inlinable
    package var milliseconds: Int64 { rawValue / 1000 - (rawValue % 1000 < 0 ? 1 : 0) }

    /// The time so many milliseconds later, or the last there is.
    @inlinable
    package static func + (time: Self, milliseconds: Int64) -> Self {
        Self(rawValue: time.rawValue.addingOrBound(milliseconds.timesOrBound(1000)))
    }

    /// The time so many milliseconds earlier, or the first there is.
    @inlinable
    package static func - (time: Self, milliseconds: Int64) -> Self {
        Self(rawValue: time.rawValue.subtractingOrBound(milliseconds.timesOrBound(1000)))
    }

    /// The milliseconds from another time to this one, rounded down.
    @inlinable
    package func milliseconds(since other: Self) -> Int64 {
        EventTime(rawValue: rawValue.subtractingOrBound(other.rawValue)).milliseconds
    }
}
