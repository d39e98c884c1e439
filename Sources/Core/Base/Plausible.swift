// Ranges of the numbers in files, tables and messages. Readers check each number on input. Sums of up to 1,000 numbers within
// these ranges cannot overflow; longer sums saturate.

/// The range of each kind of number, bounds included.
package enum Plausible {
    /// Offsets of a partition, and counts of records: at most 2^53, which JSON represents exactly.
    package static let count: ClosedRange<Int64> = 0...(1 << 53)
    /// Milliseconds since the Unix epoch.
    package static let milliseconds: ClosedRange<Int64> = -(1 << 53)...(1 << 53)
    /// Microseconds since the Unix epoch: the range of event times, and as far before 1970.
    package static let microseconds: ClosedRange<Int64> = -100_000_000_000_000_000...100_000_000_000_000_000
    /// Seconds since the Unix epoch: starts and ends of the windows of such event times, for any window length.
    package static let windowStart: ClosedRange<Int64> = -200_000_000_000...200_000_000_000
}
