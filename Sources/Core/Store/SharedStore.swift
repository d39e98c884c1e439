// Lends the one writer to the two threads that need it: the service's loop and the exporter.
// Invariant: whoever holds the lock does one short piece of work, at most one transaction, and no I/O but SQLite's.

internal import Base

/// The store behind a lock.
public final class SharedStore: @unchecked Sendable {
    private let lock = Lock<Void>(())
    private let store: Store

    /// Takes over a store; nobody else may use it from now on.
    public init(_ store: Store) { self.store = store }

    /// Runs `body` with the store while nobody else does.
    /// - Throws: what `body` throws.
    public func with<Result>(_ body: (Store) throws -> Result) rethrows -> Result {
        try lock.withLock { _ in try body(store) }
    }

    /// The state file's path.
    public var path: String { store.path }
}
