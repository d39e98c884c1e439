// A request to stop, set once. Others poll it, wait for it, or register a callback.
//
// Each body given to `onSet` runs at most once, since `takeAll` empties the table for good. After its registration is
// cancelled it does not start.

import Dispatch
import Foundation
import Synchronization

/// A request to stop. Any thread may make it; further requests have no effect.
package final class StopSignal: Sendable {
    /// The registration of a body.
    package struct Registration: Sendable {
        fileprivate let id: Int
        fileprivate let signal: StopSignal

        /// Removes the body. Has no effect when the body is running or has run.
        package func cancel() { signal.waiting.remove(id) }
    }

    private let isSet = Atomic<Bool>(false)
    private let wakeUp = DispatchSemaphore(value: 0)
    private let waiting = WaitingBodies()

    /// A signal that is not set.
    package init() {}

    /// Makes the request, and runs the registered bodies on this thread in the order of their registration.
    package func set() {
        isSet.store(true, ordering: .releasing)
        wakeUp.signal()
        for body in waiting.takeAll() { body() }
    }

    /// Whether the request was made.
    package var wasSet: Bool { isSet.load(ordering: .acquiring) }

    /// Runs `body` once: on the thread that makes the request, or immediately when the request was already made.
    @discardableResult
    package func onSet(_ body: @escaping @Sendable () -> Void) -> Registration {
        guard let id = waiting.add(body) else {
            body()
            return Registration(id: -1, signal: self)
        }
        return Registration(id: id, signal: self)
    }

    /// Blocks until the request is made, at most `milliseconds`.
    /// - Returns: whether it was made.
    @discardableResult
    package func wait(milliseconds: Int64) -> Bool {
        if wasSet { return true }
        if wakeUp.wait(timeout: .now() + .milliseconds(Int(milliseconds))) == .success { wakeUp.signal() }
        return wasSet
    }

    /// Suspends until the request is made, the task is cancelled, or `duration` has passed; nil means no limit.
    /// - Returns: whether the request was made.
    @discardableResult
    package func sleep(for duration: Duration?) async -> Bool {
        let pause = Task { try? await Task.sleep(for: duration ?? .seconds(Int64.max / 4)) }
        let registration = onSet { pause.cancel() }
        await withTaskCancellationHandler {
            await pause.value
        } onCancel: {
            pause.cancel()
        }
        registration.cancel()
        return wasSet
    }
}

/// The registered bodies of one signal.
private final class WaitingBodies: @unchecked Sendable {
    private let lock = NSLock()
    // Both are used under the lock only. nil once the request was made.
    private var bodies: [Int: @Sendable () -> Void]? = [:]
    private var next = 0

    /// - Returns: nil when the request was made.
    func add(_ body: @escaping @Sendable () -> Void) -> Int? {
        lock.withLock {
            guard bodies != nil else { return nil }
            next += 1
            bodies?[next] = body
            return next
        }
    }

    func remove(_ id: Int) { lock.withLock { bodies?[id] = nil } }

    func takeAll() -> [@Sendable () -> Void] {
        lock.withLock {
            defer { bodies = nil }
            return (bodies ?? [:]).sorted { $0.key < $1.key }.map(\.value)
        }
    }
}
