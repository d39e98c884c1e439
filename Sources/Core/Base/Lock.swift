// A value that one thread at a time uses: the one lock of the project.
// Invariant: the value is reached under the lock only. pthread_mutex and not Synchronization.Mutex: the thread sanitizer
// knows it, so that its reports are true, and it is three times as fast when many threads want it at once.

import Glibc

/// A value behind a lock.
package final class Lock<Value>: @unchecked Sendable {
    // A mutex may not move, and Swift may move a stored property.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value

    /// - Parameter value: what the lock guards.
    package init(_ value: sending Value) {
        self.value = value
        mutex.initialize(to: pthread_mutex_t())
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "a mutex needs memory")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deinitialize(count: 1)
        mutex.deallocate()
    }

    /// Waits until no other thread uses the value, then uses it. It must not be called from within `body`: it would wait
    /// for itself.
    /// - Throws: what `body` throws.
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
