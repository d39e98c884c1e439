// Opens a state for reading only; the only way to do so.
//
// The file, its log and its folder stay unchanged. SQLite opens the connection read-only, and `noCheckpointOnClose`
// keeps it from a checkpoint when it is the last to close (only the writer may checkpoint, see Store.swift). A file of
// another program is rejected.

import Glibc
import SQLite

/// A state opened for reading, also while a service writes to it.
package final class StateReader: StateView {
    /// Opens the state at `path`, of this version or an older one.
    /// - Parameter allowsEmpty: whether a file without tables is accepted.
    /// - Throws: `StoreError.cannotOpen`, `StoreError.notAState`, `StoreError.newerVersion`, `StoreError.damaged`, or
    ///   `SQLiteError`.
    package init(_ path: String, allowsEmpty: Bool = false) throws {
        super.init(path: path, connection: try Self.open(path, allowsEmpty: allowsEmpty))
    }

    static func open(_ path: String, allowsEmpty: Bool = false) throws -> Connection {
        do {
            let connection = try openFile(path)
            let version = try Schema.check(connection, path: path)
            guard version > 0 || allowsEmpty else { throw StoreError.notAState(path: path) }
            try PlausibleNumbers.check(connection, path: path)
            return connection
        } catch let error as SQLiteError where error.isCorrupt || error.isCannotOpen {
            throw StoreError(error, path: path)
        }
    }

    private static func openFile(_ path: String) throws -> Connection {
        do {
            let connection = try Connection(path: path, mode: .readOnly)
            try connection.setBusyTimeout(milliseconds: 5000)
            try connection.set(.noCheckpointOnClose, true)
            // SQLite reads the file only for the first statement.
            _ = try connection.integer("PRAGMA schema_version")
            return connection
        } catch let error as SQLiteError where error.isCannotOpen && access(path + "-wal", F_OK) != 0 {
            // Without write access to the folder, SQLite cannot create the -shm file. Without a log there is no writer.
            return try Connection(immutablePath: path)
        }
    }

    /// Begins a read transaction: all reads until `release` see the present generation.
    /// - Throws: `SQLiteError`.
    package func hold() throws {
        try connection.execute("BEGIN")
        do {
            // SQLite takes the snapshot at the first read.
            _ = try connection.integer("SELECT 1 FROM sqlite_schema LIMIT 1")
        } catch {
            try? connection.execute("ROLLBACK")
            throw error
        }
    }

    /// Ends the read transaction of `hold`.
    /// - Throws: `SQLiteError`.
    package func release() throws { try connection.execute("ROLLBACK") }

    /// Whether the file has tables.
    /// - Throws: `SQLiteError`.
    package func hasTables() throws -> Bool { try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0 > 0 }

    /// Sets a callback that SQLite calls every 10,000 instructions; nil removes it. When it returns `false`, the
    /// running statement fails with an interrupt.
    package func onProgress(_ mayContinue: (() -> Bool)?) {
        if let mayContinue {
            connection.setProgressHandler(every: 10_000, mayContinue)
        } else {
            connection.setProgressHandler(every: 0, nil)
        }
    }
}
