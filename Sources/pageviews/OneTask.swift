// Commands that do one piece of work and end.

internal import ServiceLifecycle

/// A piece of work as a service, so that signals end it gracefully.
struct OneTask: Service {
    let name: String
    let work: @Sendable () async throws -> Void

    func run() async throws { try await work() }
}
