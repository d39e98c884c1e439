// Runs blocking work (file calls, hashing) on a Dispatch queue. Swift's cooperative pool has one thread per core, so a
// slow fsync there would delay counting.

import Dispatch

/// Runs work that blocks a thread.
package enum BlockingWork {
    private static let queue = DispatchQueue(label: "blocking-work", attributes: .concurrent)

    /// Runs `work` on the queue and waits for its result without a thread of the pool.
    /// - Throws: the error of `work`.
    package static func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
            queue.async { continuation.resume(returning: Result(catching: work)) }
        }
        return try result.get()
    }
}
