// Copies a state with SQLite's online backup, also while a service writes to it.
// The connection to the original is read-only (`StateReader`). Only the owner may read the copy (0600).

import SQLite

/// A copy of a state.
package final class StateCopy: StateView {
    /// Copies the state at `source` to `destination`, and opens the copy.
    /// - Throws: `StoreError`, or `SQLiteError`.
    package init(of source: String, to destination: String) throws {
        let original = try StateReader.open(source)
        super.init(path: destination, connection: try Self.make(destination))
        try StoreError.explaining(source) { try original.backUp(to: connection) }
    }

    private static func make(_ path: String) throws -> Connection {
        do {
            StatePath.createPrivate(path)
            return try Connection(path: path, mode: .readWriteCreate)
        } catch let error as SQLiteError where error.isCannotOpen {
            throw StoreError.cannotOpen(path: path, reason: error.message)
        }
    }

    /// Whether SQLite's quick check finds no fault in the copy.
    /// - Throws: `SQLiteError`.
    package func isWhole() throws -> Bool {
        do {
            return try connection.text("PRAGMA quick_check(1)") == "ok"
        } catch let error as SQLiteError where error.isCorrupt {
            return false
        }
    }
}
