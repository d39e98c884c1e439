// The durations that decide which window an event belongs to and when the event is late.
// All durations are within the bounds that `init` checks, so that a sum of them and a valid event time cannot overflow.

package import Base

/// Durations of event-time processing.
package struct WindowSettings: Equatable, Sendable {
    /// The length of a tumbling window, in milliseconds. Windows start at multiples of it since the Unix epoch.
    package let windowMilliseconds: Int64
    /// The distance of the watermark from the largest event time of a partition, in milliseconds.
    package let watermarkDelayMilliseconds: Int64
    /// How far the watermark may be past a window's end while events of the window still count, in milliseconds.
    package let allowedLatenessMilliseconds: Int64
    /// The time, in milliseconds, after which a partition at its end without new records is idle.
    package let idleTimeoutMilliseconds: Int64
    /// Events further ahead of the wall clock than this, in milliseconds, never advance the watermark.
    package let maxFutureSkewMilliseconds: Int64
    /// The length of a window in microseconds, the unit of `EventTime`.
    let window: Int64
    /// From a window's start to the watermark that makes its events late, in microseconds: the window's length - 1 ms +
    /// allowed lateness.
    let lateAfter: Int64

    /// A rejected duration and the bounds of that setting.
    package struct OutOfBounds: Error, CustomStringConvertible, Equatable, Sendable {
        /// The setting's name on the command line, without the dashes.
        package let setting: String
        /// The bounds of a valid value, in words.
        package let expectation: String
        /// One line: the setting and its bounds.
        package var description: String { "--\(setting) must be \(expectation)" }
    }

    /// The longest duration accepted (inclusive): 3650 days, in milliseconds.
    package static let longestMilliseconds: Int64 = 3650 * 86_400_000

    /// - Throws: `OutOfBounds` when the window is not a whole number of seconds, from 1 s to 1 day (inclusive), that
    ///   divides a day, or another duration is not from 0 to `longestMilliseconds` (inclusive).
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

    /// The start (inclusive) of the window that contains an event time.
    /// - Parameter time: must not be before the Unix epoch.
    package func windowStart(of time: EventTime) -> WindowStart {
        assert(time.rawValue >= 0, "an event time is not before the Unix epoch")
        return WindowStart(rawValue: time.rawValue - time.rawValue % window)
    }

    /// Whether an event of the window that starts at `start` is late under `watermark`
    /// (Flink's rule: end - 1 ms + allowed lateness <= watermark).
    package func isLate(windowStart start: WindowStart, watermark: EventTime) -> Bool {
        start.rawValue + lateAfter <= watermark.rawValue
    }
}
