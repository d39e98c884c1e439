// Runs services concurrently: starts them in order, and stops them in reverse, one at a time (`GroupState`).
//
// `run` handles signals from before it creates the first service. The first service to end, a failure or a signal stops
// the others. `run` rethrows the first failure when all services have ended or exceeded their stop timeouts. Services
// are tasks, since most of them wait for HTTP; those that block have their own threads (ThreadService.swift).

package import Base
import Glibc

/// Runs services together.
package enum ServiceGroup {
    /// The signals that ask a service to stop.
    package static let stopSignals = [SIGTERM, SIGINT]

    /// Runs the services that `make` returns until the first ends or a signal arrives. A second signal ends the process
    /// at once, with exit code 3. A signal while `make` runs stops the group as soon as `make` returns.
    /// - Parameter stop: stops the group as a signal does.
    /// - Throws: what `make` throws, or the first error of a service.
    package static func run(
        signals: [Int32] = stopSignals, stop: StopSignal = StopSignal(), _ make: () async throws -> [any Service]
    ) async throws {
        let held = Signals(signals, stop)
        let services = try await make()
        let (events, sender) = AsyncStream.makeStream(of: GroupEvent.self)
        let stops = services.map { _ in StopSignal() }
        for (index, service) in services.enumerated() {
            Task {
                do {
                    try await service.run(stops[index])
                    sender.yield(.ended(index, nil))
                } catch {
                    sender.yield(.ended(index, error))
                }
            }
        }
        stop.onSet { sender.yield(.stopRequested) }
        let failure = await loop(services, stops, events, sender)
        withExtendedLifetime(held) {}
        if let failure { throw failure }
    }

    /// - Returns: the first error.
    private static func loop(
        _ services: [any Service], _ stops: [StopSignal], _ events: AsyncStream<GroupEvent>,
        _ sender: AsyncStream<GroupEvent>.Continuation
    ) async -> (any Error)? {
        var state = GroupState(count: services.count)
        if services.isEmpty { return nil }
        for await event in events {
            for action in state.next(event) {
                switch action {
                case .finish: return state.failure
                case .stop(let index):
                    stops[index].set()
                    guard let timeout = services[index].stopTimeout() else { continue }
                    Task {
                        try? await Task.sleep(for: timeout)
                        sender.yield(.overdue(index))
                    }
                }
            }
        }
        return state.failure
    }
}
