// Tells a working thread to finish, and wakes it from its pauses.

internal import Dispatch
internal import Synchronization

/// A request to finish, set once from any thread.
public final class StopSignal: Sendable {
    private let isSet = Atomic<Bool>(false)
    private let wakeUp = DispatchSemaphore(value: 0)

    /// A request that was not made yet.
    public init() {}

    /// Makes the request.
    public func set() {
        isSet.store(true, ordering: .releasing)
        wakeUp.signal()
    }

    /// The request was made.
    public var wasSet: Bool { isSet.load(ordering: .acquiring) }

    /// Waits for the request, no longer than `milliseconds`.
    /// - Returns: whether it was made.
    @discardableResult
    public func wait(milliseconds: Int64) -> Bool {
        if wasSet { return true }
        if wakeUp.wait(timeout: .now() + .milliseconds(Int(milliseconds))) == .success { wakeUp.signal() }
        return wasSet
    }
}
