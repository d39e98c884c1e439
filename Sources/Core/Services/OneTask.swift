// Commands that do one piece of work and end.

package import Base

/// A piece of work as a service, so that signals stop it in good order.
package struct OneTask: Service {
    /// For messages.
    package let name: String
    private let stopLimit: Duration
    private let work: @Sendable (StopSignal) async throws -> Void

    /// - Parameters:
    ///   - stopLimit: how long after the signal the work may go on until its task is cancelled.
    ///   - work: ends early, at a place of its choice, when the signal is set.
    package init(
        name: String, stopLimit: Duration = .seconds(3), work: @escaping @Sendable (StopSignal) async throws -> Void
    ) {
        (self.name, self.stopLimit, self.work) = (name, stopLimit, work)
    }

    /// Runs the work.
    /// - Throws: what the work throws; `CancellationError` or what became of it when it was cut short.
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
