// Blocking work as a service, on its own thread: it must not block the few threads that tasks share.

package import Base
import Foundation
import Synchronization

/// Runs a blocking function on its own thread until it returns.
package struct ThreadService: Service {
    /// The name in messages, and of the thread.
    package let name: String
    private let stop: StopSignal
    private let willStop: @Sendable () -> Void
    private let timeout: @Sendable () -> Duration?
    private let work: @Sendable () throws -> Void

    /// - Parameters:
    ///   - stop: set when the service has to stop; `work` polls it.
    ///   - willStop: called before `stop` is set.
    ///   - stopTimeout: see `Service.stopTimeout`.
    package init(
        name: String, stop: StopSignal, willStop: @escaping @Sendable () -> Void = {},
        stopTimeout: @escaping @Sendable () -> Duration? = { nil }, work: @escaping @Sendable () throws -> Void
    ) {
        (self.name, self.stop, self.willStop, timeout, self.work) = (name, stop, willStop, stopTimeout, work)
    }

    /// See `Service.stopTimeout`.
    package func stopTimeout() -> Duration? { timeout() }

    /// Runs the work on its thread.
    /// - Throws: what the work throws.
    package func run(_ stop: StopSignal) async throws {
        let registration = stop.onSet {
            willStop()
            self.stop.set()
        }
        defer { registration.cancel() }
        try await Self.onThread(name, work)
    }

    /// Runs `work` on a new thread. Its stack of 16 MiB suffices for deep JSON in the fallback parser.
    /// - Throws: what `work` throws.
    package static func onThread(_ name: String, _ work: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let thread = Thread { continuation.resume(with: Result { try work() }) }
            thread.name = name
            thread.stackSize = 16 << 20
            thread.start()
        }
    }
}
