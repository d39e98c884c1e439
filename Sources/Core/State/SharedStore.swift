// Shares the one writer between the service's loop and the exporter.
// To keep flushes from waiting, a caller holds the lock for at most one transaction and does no I/O but SQLite's.

import Base

/// The store behind a lock.
package final class SharedStore: @unchecked Sendable {
    private let lock = Lock<Void>(())
    private let store: Store

    /// Takes ownership of a store. Callers may use the store only through `with` from then on.
    package init(_ store: Store) { self.store = store }

    /// Runs `body` with exclusive access to the store. A call from within `body` deadlocks.
    /// - Throws: the errors of `body`.
    package func with<Result>(_ body: (Store) throws -> Result) rethrows -> Result {
        try lock.withLock { _ in try body(store) }
    }

    /// The state's path as it was given.
    package var path: String { store.path }
}
