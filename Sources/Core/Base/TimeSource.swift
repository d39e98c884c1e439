// The clocks as a parameter, so that tests can set them.

import Dispatch
import Glibc

/// A source of wall-clock and monotonic time.
package struct TimeSource: Sendable {
    /// Milliseconds since the Unix epoch.
    package let wall: @Sendable () -> Int64
    /// Milliseconds since a fixed moment, never decreasing.
    package let monotonic: @Sendable () -> Int64

    private let pause: @Sendable (StopSignal, Int64) -> Void

    /// A time source from its functions.
    /// - Parameter pause: blocks until the signal is set, at most for the given milliseconds.
    package init(
        wall: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> Int64,
        pause: @escaping @Sendable (StopSignal, Int64) -> Void = { $0.wait(milliseconds: $1) }
    ) {
        (self.wall, self.monotonic, self.pause) = (wall, monotonic, pause)
    }

    /// Blocks until `stop` is set, at most for `milliseconds`.
    package func wait(_ stop: StopSignal, milliseconds: Int64) { pause(stop, milliseconds) }

    /// The machine's clocks.
    package static let system = TimeSource(
        wall: {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
        },
        monotonic: { Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000) })
}
