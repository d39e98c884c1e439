// What runs beside the others until it is told to stop.

package import Base

/// A piece of the program that runs until it is told to stop, or ends, which stops the others.
package protocol Service: Sendable {
    /// For messages.
    var name: String { get }

    /// Runs until `stop` is set, or until the work is done.
    /// - Throws: what ends the whole group. The first error is the one that is told.
    func run(_ stop: StopSignal) async throws

    /// How long the group waits for the service once it was told to stop; nil: until it has ended. What is left behind
    /// then ends with the process, so it has to be work that may be killed at any moment. Asked when the service is told.
    func stopTimeout() -> Duration?
}

extension Service {
    /// Until it has ended.
    package func stopTimeout() -> Duration? { nil }
}
