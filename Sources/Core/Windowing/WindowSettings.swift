// The numbers that decide which window an event belongs to and when it is late.
// Invariant: every duration is in milliseconds and within the bounds `init` checks, so that no sum of them and of a
// valid event time overflows.

package import Base

/// Durations of event-time processing, in milliseconds.
package struct WindowSettings: Equatable, Sendable {
    /// Length of a tumbling window; windows start at multiples of it since the Unix epoch.
    package let windowMilliseconds: Int64
    /// How far the watermark stays behind the largest event time of a partition.
    package let watermarkDelayMilliseconds: Int64
    /// How long after the watermark has passed a window's end its events are still counted.
    package let allowedLatenessMilliseconds: Int64
    /// A partition at its end that brings no record for this long stops holding the watermark.
    package let idleTimeoutMilliseconds: Int64
    /// Events further ahead of the wall clock than this never move the watermark.
    package let maxFutureSkewMilliseconds: Int64
    /// The length of a window in the unit of times.
    let window: Int64
    /// From a window's start to the watermark that makes its events late: its end - 1 ms + allowed lateness, likewise.
    let lateAfter: Int64

    /// A duration that was refused, with the bounds it has to keep.
    package struct OutOfBounds: Error, CustomStringConvertible, Equatable, Sendable {
        /// The setting's name as the command line has it.
        package let setting: String
        /// What a valid value looks like.
        package let expectation: String
        /// One line for people: which setting, its bounds.
        package var description: String { "--\(setting) must be \(expectation)" }
    }

    /// The longest duration accepted, 10 years: far more than any use, far less than overflow.
    package static let longestMilliseconds: Int64 = 3650 * 86_400_000

    /// - Throws: `OutOfBounds` when the window is not a whole number of seconds between 1 s and 1 day that divides a
    ///   day, or another duration is negative or above 10 years.
    package init(
        windowMilliseconds: Int64 = 60_000, watermarkDelayMilliseconds: Int64 = 20_000,
        allowedLatenessMilliseconds: Int64 = 86_400_000, idleTimeoutMilliseconds: Int64 = 30_000,
        maxFutureSkewMilliseconds: Int64 = 300_000
    ) throws {
        let day: Int64 = 86_400_000
        guard (1000...day).contains(windowMilliseconds), windowMilliseconds % 1000 == 0, day % windowMilliseconds == 0
        else {
            throw OutOfBounds(
                setting: "window", expectation: "a whole number of seconds, from 1s to 1d, that divides a day")
        }
        let others = [
            ("watermark-delay", watermarkDelayMilliseconds), ("allowed-lateness", allowedLatenessMilliseconds),
            ("idle-timeout", idleTimeoutMilliseconds), ("max-future-skew", maxFutureSkewMilliseconds),
        ]
        for (name, value) in others where !(0...Self.longestMilliseconds).contains(value) {
            throw OutOfBounds(setting: name, expectation: "from 0 to 3650d")
        }
        self.windowMilliseconds = windowMilliseconds
        self.watermarkDelayMilliseconds = watermarkDelayMilliseconds
        self.allowedLatenessMilliseconds = allowedLatenessMilliseconds
        self.idleTimeoutMilliseconds = idleTimeoutMilliseconds
        self.maxFutureSkewMilliseconds = maxFutureSkewMilliseconds
        window = windowMilliseconds * 1000
        lateAfter = (windowMilliseconds - 1 + allowedLatenessMilliseconds) * 1000
    }

    /// The start (inclusive) of the window that holds an event time.
    package func windowStart(of time: EventTime) -> WindowStart {
        WindowStart(rawValue: time.rawValue - time.rawValue % window)
    }

    /// Whether an event of the window that starts at `start` is late under `watermark`
    /// (Flink's rule: end - 1 ms + allowed lateness <= watermark).
    package func isLate(windowStart start: WindowStart, watermark: EventTime) -> Bool {
        start.rawValue + lateAfter <= watermark.rawValue
    }
}
