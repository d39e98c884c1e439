// Runs blocking work on new threads, because tests share a small number of threads, which must not wait for each other.

import Base
import Foundation

private final class Failures: Sendable {
    let first = Lock<(any Error)?>(nil)
}

/// Runs each piece of work on a new thread and waits for all of them.
/// - Throws: the first error of any of them.
package func onThreads(_ work: [@Sendable () throws -> Void]) async throws {
    let failures = Failures()
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let group = DispatchGroup()
        for piece in work {
            group.enter()
            let thread = Thread {
                do {
                    try piece()
                } catch {
                    failures.first.withLock { if $0 == nil { $0 = error } }
                }
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.notify(queue: .global()) { continuation.resume() }
    }
    if let error = failures.first.withLock({ $0 }) { throw error }
}
