// A service for commands that perform one task and end.

package import Base

/// A task as a service, so that signals stop it gracefully.
package struct OneTask: Service {
    /// The name in messages.
    package let name: String
    private let stopLimit: Duration
    private let work: @Sendable (StopSignal) async throws -> Void

    /// - Parameters:
    ///   - stopLimit: the time from the stop signal until the task is cancelled.
    ///   - work: polls the stop signal and ends early when it is set.
    package init(
        name: String, stopLimit: Duration = .seconds(3), work: @escaping @Sendable (StopSignal) async throws -> Void
    ) {
        (self.name, self.stopLimit, self.work) = (name, stopLimit, work)
    }

    /// Runs the work.
    /// - Throws: what the work throws, also after its cancellation.
    package func run(_ stop: StopSignal) async throws {
        let task = Task { [work] in try await work(stop) }
        let registration = stop.onSet { [stopLimit] in
            Task {
                try? await Task.sleep(for: stopLimit)
                task.cancel()
            }
        }
        defer { registration.cancel() }
        try await task.value
    }
}
