// Runs blocking work (file calls, hashing) off the threads of Swift's concurrency, of which there are only as many as
// cores: one slow fsync must not hold up counting.

import Dispatch

enum BlockingWork {
    private static let queue = DispatchQueue(label: "object-storage", attributes: .concurrent)

    static func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
            queue.async { continuation.resume(returning: Result(catching: work)) }
        }
        return try result.get()
    }
}
