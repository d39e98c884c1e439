// Which unit a bare timestamp is in.
// Invariant: a time that is accepted lies in (0, 10^11) seconds after the Unix epoch, that is before the year 5139, so
// windows and watermarks computed from it never overflow 64 bits.

/// Event times, in microseconds since the Unix epoch.
@usableFromInline package enum EventTime {
    /// The microseconds of a timestamp whose unit is told by its magnitude: above zero and below 10^11 seconds, below
    /// 10^14 milliseconds, below 10^17 microseconds.
    /// - Returns: nil for zero, negative and larger values.
    @inlinable
    package static func microseconds(ofTimestamp value: Int64) -> Int64? {
        if value <= 0 { return nil }
        if value < 100_000_000_000 { return value * 1_000_000 }
        if value < 100_000_000_000_000 { return value * 1000 }
        if value < 100_000_000_000_000_000 { return value }
        return nil
    }
}
