// Commands that do one piece of work and end.

public import Base

/// A piece of work as a service, so that signals stop it in good order.
public struct OneTask: Service {
    /// For messages.
    public let name: String
    private let work: @Sendable (StopSignal) async throws -> Void

    /// - Parameter work: ends early, at a place of its choice, when the signal is set.
    public init(name: String, work: @escaping @Sendable (StopSignal) async throws -> Void) {
        (self.name, self.work) = (name, work)
    }

    /// Runs the work.
    /// - Throws: what the work throws.
    public func run(_ stop: StopSignal) async throws { try await work(stop) }
}
