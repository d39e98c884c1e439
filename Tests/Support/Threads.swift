// Blocking work on threads of its own: tests run on few threads, which must not wait for one another.

import Base
import Foundation

private final class Failures: Sendable {
    let first = Lock<(any Error)?>(nil)
}

/// Runs each piece of work on a thread of its own and waits for all of them.
/// - Throws: the first error that one of them threw.
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
