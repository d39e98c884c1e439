// A connection to one SQLite file.
// One thread at a time uses a connection and its statements (SQLITE_OPEN_NOMUTEX); the compiler enforces it, since
// neither is `Sendable`. Closing does not wait: statements keep the handle open until they are finalized
// (sqlite3_close_v2).

import CSQLite

/// A connection to a SQLite database.
package final class Connection {
    /// The way to open a file.
    package enum Mode: Sendable {
        /// Never writes, never creates; a missing file is an error.
        case readOnly
        /// Reads and writes; a missing file is an error.
        case readWrite
        /// Reads and writes; a missing file is created.
        case readWriteCreate
        /// A private database in memory; the path is ignored.
        case memory

        var flags: Int32 {
            switch self {
            case .readOnly: SQLITE_OPEN_READONLY
            case .readWrite: SQLITE_OPEN_READWRITE
            case .readWriteCreate: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .memory: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY
            }
        }
    }

    let handle: OpaquePointer
    var progress: ProgressHandler?
    var authorizer: AuthorizerBox?
    let wal = WALPages()

    /// Opens `path`, a plain file name: `file:x`, `:memory:` and `x?mode=ro` are files of these names. A relative path
    /// is resolved against the working folder at the time of the call.
    /// - Throws: `SQLiteError` when the file cannot be opened, or the name is empty or contains a NUL.
    package convenience init(path: String, mode: Mode) throws {
        try self.init(name: mode == .memory ? ":memory:" : FileName.absolute(path), flags: mode.flags)
    }

    #if DEBUG
        // Tests set a memory limit after other tests of the same process have opened connections.
        private static let statisticsOfTests: Void = keepMemoryStatistics()
    #endif

    init(name: String, flags: Int32) throws {
        #if DEBUG
            _ = Self.statisticsOfTests
        #endif
        var opened: OpaquePointer?
        let result = sqlite3_open_v2(name, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard result == SQLITE_OK, let opened else {
            let error = SQLiteError(opened, result: result)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
    }

    deinit {
        sqlite3_close_v2(handle)
    }

    func check(_ result: Int32, sql: String? = nil) throws {
        guard result == SQLITE_OK else { throw SQLiteError(handle, result: result, sql: sql) }
    }

    /// Runs every statement in `sql` and discards their rows.
    /// - Throws: `SQLiteError` at the first statement that fails; those before it have taken effect.
    package func execute(_ sql: String) throws {
        // The error leaves the text out: SQLite counts the offset from the failed statement, not from the first.
        try check(sqlite3_exec(handle, sql, nil, nil, nil))
    }

    /// Compiles one statement.
    /// - Parameter persistent: the caller keeps the statement and runs it many times.
    /// - Throws: `SQLiteError` with the byte offset of the fault; also when `sql` holds no statement.
    package func prepare(_ sql: String, persistent: Bool = false) throws -> Statement {
        guard let statement = try prepareFirst(of: sql, persistent: persistent).statement else {
            throw SQLiteError(code: SQLITE_MISUSE, message: "the text contains no statement", sql: sql)
        }
        return statement
    }

    /// Compiles the first statement of `sql`.
    /// - Returns: the statement, or nil when the text before `tail` is only white space and comments; `tail` is the
    ///   byte offset (UTF-8) of the rest.
    /// - Throws: `SQLiteError` with the byte offset of the fault.
    package func prepareFirst(of sql: String, persistent: Bool = false) throws -> (statement: Statement?, tail: Int) {
        var text = sql
        return try text.withUTF8 { bytes in
            try bytes.withMemoryRebound(to: CChar.self) { characters in
                var statement: OpaquePointer?
                var tail: UnsafePointer<CChar>?
                let flags = persistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
                let result = sqlite3_prepare_v3(
                    handle, characters.baseAddress, Int32(clamping: characters.count), flags, &statement, &tail)
                try check(result, sql: sql)
                let consumed = tail.flatMap { end in characters.baseAddress.map { end - $0 } } ?? characters.count
                return (statement.map { Statement($0, of: self) }, consumed)
            }
        }
    }

    /// Runs `body` in one transaction that takes the write lock at its start. Commits when `body` returns, and rolls
    /// back when it throws.
    /// - Throws: what `body` throws, or `SQLiteError` when the transaction cannot begin or commit; it then has no
    ///   effect.
    package func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        try execute("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // After some errors (disk full, out of memory) SQLite has rolled back already.
            if sqlite3_get_autocommit(handle) == 0 { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// The first column of the first row as an integer; nil when there is no row or the value is NULL.
    /// - Throws: `SQLiteError`.
    package func integer(_ sql: String) throws -> Int64? {
        let statement = try prepare(sql)
        guard try statement.step(), !statement.isNull(0) else { return nil }
        return statement.int64(0)
    }

    /// The first column of the first row as text; nil when there is no row or the value is NULL.
    /// - Throws: `SQLiteError`.
    package func text(_ sql: String) throws -> String? {
        let statement = try prepare(sql)
        guard try statement.step(), !statement.isNull(0) else { return nil }
        return statement.string(0)
    }

    /// The number of rows that the last INSERT, UPDATE or DELETE of this connection changed.
    package var changes: Int64 { sqlite3_changes64(handle) }
    /// A transaction is open on this connection.
    package var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }
}
