// The one way to open a state for reading alone.
//
// Invariants: the file, its log and its folder stay as they are: the connection cannot write, and it never checkpoints, also
// not when it is the last to close (only the writer may, see Store.swift); a file of another program is refused.

import Glibc
import SQLite

/// A state opened for reading; a service may be writing to it.
package final class StateReader: StateView {
    /// Opens the state at `path`, of this version or an older one.
    /// - Parameter allowsEmpty: a file in which no tables have been made yet is no error.
    /// - Throws: `StoreError.cannotOpen`, `StoreError.notAState`, `StoreError.newerVersion`, `StoreError.damaged`, or `SQLiteError`.
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
            // The file is looked at only by the first question.
            _ = try connection.integer("PRAGMA schema_version")
            return connection
        } catch let error as SQLiteError where error.isCannotOpen && access(path + "-wal", F_OK) != 0 {
            // The folder is not ours to write, so no -shm can be made; without a log nobody is writing either.
            return try Connection(immutablePath: path)
        }
    }

    /// Stays at the state's generation of now, whatever a service writes, until `release`.
    /// - Throws: `SQLiteError`.
    package func hold() throws {
        try connection.execute("BEGIN")
        do {
            // The snapshot is taken by the first question.
            _ = try connection.integer("SELECT 1 FROM sqlite_schema LIMIT 1")
        } catch {
            try? connection.execute("ROLLBACK")
            throw error
        }
    }

    /// Lets go of the generation that `hold` keeps.
    /// - Throws: `SQLiteError`.
    package func release() throws { try connection.execute("ROLLBACK") }

    /// A service or `restore` has made the tables.
    /// - Throws: `SQLiteError`.
    package func hasTables() throws -> Bool { try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0 > 0 }

    /// Asked every some thousand instructions of SQLite: no ends the question under way with an interrupt; nil: never.
    package func onProgress(_ mayContinue: (() -> Bool)?) {
        if let mayContinue {
            connection.setProgressHandler(every: 10_000, mayContinue)
        } else {
            connection.setProgressHandler(every: 0, nil)
        }
    }
}
