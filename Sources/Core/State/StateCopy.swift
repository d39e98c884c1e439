// A copy of a state by SQLite's online backup, while a service may be writing to the original.
// Invariant: the original is only read; the copy is its owner's alone.

import SQLite

/// A copy that was just made.
package final class StateCopy: StateView {
    /// Copies the state at `source` into a new file.
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

    /// SQLite finds no fault in the copy.
    /// - Throws: `SQLiteError`.
    package func isWhole() throws -> Bool {
        do {
            return try connection.text("PRAGMA quick_check(1)") == "ok"
        } catch let error as SQLiteError where error.isCorrupt {
            return false
        }
    }
}
