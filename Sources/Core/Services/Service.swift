// A service of a group.

package import Base

/// A part of the program that runs beside others until it is told to stop. When it ends, the group stops.
package protocol Service: Sendable {
    /// The name in messages.
    var name: String { get }

    /// Runs until `stop` is set or the work is done.
    /// - Throws: an error that stops the group; the group rethrows the first one.
    func run(_ stop: StopSignal) async throws

    /// The time that the group waits for the service after telling it to stop; nil means until it ends. A service that
    /// exceeds it ends with the process, so killing its work at any moment must be safe. Called when the service is
    /// told to stop.
    func stopTimeout() -> Duration?
}

extension Service {
    /// Waits until the service ends.
    package func stopTimeout() -> Duration? { nil }
}
