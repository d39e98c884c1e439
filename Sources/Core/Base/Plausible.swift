// Ranges of the numbers that come from a file, a table or a message. They are checked where such numbers come in; within,
// sums of thousands of them cannot overflow.

/// What a number can be at most.
package enum Plausible {
    /// Offsets of a partition, counts and numbers of records: 2^53 at most, which JSON keeps exactly.
    package static let count: ClosedRange<Int64> = 0...(1 << 53)
    /// Milliseconds since the Unix epoch.
    package static let milliseconds: ClosedRange<Int64> = -(1 << 53)...(1 << 53)
    /// Microseconds since the Unix epoch: the times that an event may have, and as far before 1970.
    package static let microseconds: ClosedRange<Int64> = -100_000_000_000_000_000...100_000_000_000_000_000
    /// Seconds since the Unix epoch at which a window of such an event may start or end, however long windows are.
    package static let windowStart: ClosedRange<Int64> = -200_000_000_000...200_000_000_000
}
