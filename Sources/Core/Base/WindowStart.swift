// Starts of windows. The end of a window is the start of the next one, so bounds of ranges of windows have this type too.
//
// Invariant: a window starts at a whole second, at a multiple of its length since the Unix epoch. `WindowSettings` makes them
// from event times; a state, a table and a page have them in seconds.

/// The start of a window, microseconds since the Unix epoch as `EventTime` has them.
@frozen @usableFromInline
package struct WindowStart: BareNumber {
    /// The microseconds.
    @usableFromInline package let rawValue: Int64

    /// Microseconds since the Unix epoch.
    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// A start in seconds since the Unix epoch; beyond what microseconds can say, the first or last there is.
    @inlinable
    package init(seconds: Int64) { rawValue = seconds.timesOrBound(1_000_000) }

    /// Seconds since the Unix epoch, rounded down.
    @inlinable
    package var seconds: Int64 { rawValue / 1_000_000 - (rawValue % 1_000_000 < 0 ? 1 : 0) }

    /// The start as a time.
    @inlinable
    package var time: EventTime { EventTime(rawValue: rawValue) }

    /// The first time after the window, which is the start of the next one.
    @inlinable
    package func end(lengthMilliseconds: Int64) -> Self { Self(rawValue: (time + lengthMilliseconds).rawValue) }

    /// Before every window.
    package static var first: Self { Self(rawValue: .min) }

    /// The start of the window that begins with the epoch; what a state without windows has as a bound.
    package static var epoch: Self { Self(rawValue: 0) }

    /// After every window.
    package static var last: Self { Self(rawValue: .max) }
}
