// Blocking work as a service: a thread of its own, a graceful stop.

internal import Base
internal import Dispatch
internal import Foundation
internal import Ingest
internal import Log
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// The end of a piece of work, which is waited for once: whoever reaches it first says how it was.
final class WorkEnd: Sendable {
    private let waiting = Mutex<CheckedContinuation<Void, any Error>?>(nil)

    func wait(_ continuation: CheckedContinuation<Void, any Error>) { waiting.withLock { $0 = continuation } }

    func reach(_ result: Result<Void, any Error>) {
        let continuation = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(with: result)
    }
}

/// Runs a blocking function on its own thread until it returns; graceful shutdown sets its stop signal.
struct ThreadService: Service {
    let name: String
    let stop: StopSignal
    /// Called when graceful shutdown begins.
    var willStop: @Sendable () -> Void = {}
    /// How long graceful shutdown waits for the work; nil: until it has ended. What is left behind then ends with the
    /// process, so it has to be work that may be killed at any moment.
    var patience: @Sendable () -> Duration? = { nil }
    let work: @Sendable () throws -> Void

    func run() async throws {
        let end = WorkEnd()
        try await withGracefulShutdownHandler {
            try await Self.onThread(name, end, work)
        } onGracefulShutdown: {
            willStop()
            stop.set()
            guard let patience = patience() else { return }
            Task.detached {
                try? await Task.sleep(for: patience)
                end.reach(.success(()))
            }
        }
    }

    /// Runs `work` on a new thread with a stack that deep JSON in the fallback parser fits into.
    static func onThread(
        _ name: String, _ end: WorkEnd = WorkEnd(), _ work: @escaping @Sendable () throws -> Void
    ) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            end.wait(continuation)
            let thread = Thread { end.reach(Result { try work() }) }
            thread.name = name
            thread.stackSize = 16 << 20
            thread.start()
        }
    }
}

extension ServiceGroup {
    /// Runs the services that `make` gives until the first ends or one of the signals arrives; a failure stops the others
    /// and is rethrown. The signals are held from before `make` is called, so one that comes while a state is being opened
    /// still ends the run in good order.
    static func run(
        signals: [UnixSignal] = [.sigterm, .sigint], log: Logger, _ make: () throws -> [any Service]
    ) async throws {
        let arrived = await UnixSignalsSequence(trapping: signals)
        var quiet = log
        quiet.logLevel = max(log.logLevel, .error)
        let group = ServiceGroup(
            configuration: .init(
                services: try make().map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                }, logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                for await _ in arrived { await group.triggerGracefulShutdown() }
                // Without signals to wait for, the services alone decide.
                try await Task.sleep(for: .seconds(.max / 2))
            }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
    }
}
