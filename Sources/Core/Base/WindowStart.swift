// The type of window starts. A window's end is the start of the next one, so bounds of window ranges have this type.
//
// `WindowSettings.windowStart(of:)` computes starts from event times: multiples of the window's length since the Unix
// epoch, so whole seconds. States, tables and pages store them in seconds. The type itself accepts any number.

/// The start of a window (inclusive), in microseconds since the Unix epoch like `EventTime`.
@frozen @usableFromInline
package struct WindowStart: BareNumber {
    /// The microseconds.
    @usableFromInline package let rawValue: Int64

    /// Microseconds since the Unix epoch.
    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// The start at a number of seconds since the Unix epoch, or the nearest representable start.
    @inlinable
    package init(seconds: Int64) { rawValue = seconds.timesOrBound(1_000_000) }

    /// Seconds since the Unix epoch, rounded down.
    @inlinable
    package var seconds: Int64 { rawValue / 1_000_000 - (rawValue % 1_000_000 < 0 ? 1 : 0) }

    /// The start as a time.
    @inlinable
    package var time: EventTime { EventTime(rawValue: rawValue) }

    /// The window's end (exclusive), which is the start of the next window.
    @inlinable
    package func end(lengthMilliseconds: Int64) -> Self { Self(rawValue: (time + lengthMilliseconds).rawValue) }

    /// A lower bound (inclusive) of all windows.
    package static var first: Self { Self(rawValue: .min) }

    /// The Unix epoch: the bound in a state without windows.
    package static var epoch: Self { Self(rawValue: 0) }

    /// An upper bound (inclusive) of all windows.
    package static var last: Self { Self(rawValue: .max) }
}
