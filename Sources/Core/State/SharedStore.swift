// Lends the one writer to the two threads that need it: the service's loop and the exporter.
// Invariant: the holder of the lock does one short piece of work, at most one transaction, and no I/O but SQLite's.

import Base

/// The store behind a lock.
package final class SharedStore: @unchecked Sendable {
    private let lock = Lock<Void>(())
    private let store: Store

    /// Takes over a store; nobody else may use it from now on.
    package init(_ store: Store) { self.store = store }

    /// Runs `body` with the store while nobody else does.
    /// - Throws: what `body` throws.
    package func with<Result>(_ body: (Store) throws -> Result) rethrows -> Result {
        try lock.withLock { _ in try body(store) }
    }

    /// The state file's path.
    package var path: String { store.path }
}
