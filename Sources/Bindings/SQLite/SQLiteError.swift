// The one error type of this target. An error is a value: it copies SQLite's message and may outlive its connection.

import CSQLite

/// The error of a failed SQLite call.
package struct SQLiteError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The primary result code, for example 5 for SQLITE_BUSY (https://www.sqlite.org/rescode.html).
    package let code: Int32
    /// The extended result code; its low 8 bits are `code`.
    package let extendedCode: Int32
    /// SQLite's own message, without a trailing line break.
    package let message: String
    /// The text of the failed statement; nil when the call had none.
    package let sql: String?
    /// The byte offset of the fault in `sql` (UTF-8, from 0); nil when SQLite reports none.
    package let offset: Int?

    /// An error without a connection, such as one found before the file is opened.
    /// - Parameter code: a primary or extended result code.
    package init(code: Int32, message: String, sql: String? = nil, offset: Int? = nil) {
        self.code = code & 0xFF
        self.extendedCode = code
        self.message = message
        self.sql = sql
        self.offset = offset
    }

    init(_ database: OpaquePointer?, result: Int32, sql: String? = nil) {
        let text = database.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(result)
        let extended = database.map { sqlite3_extended_errcode($0) } ?? result
        let at = database.map { sqlite3_error_offset($0) } ?? -1
        self.init(
            code: extended == SQLITE_OK ? result : extended,
            message: text.map { String(cString: $0) } ?? "unknown error",
            sql: sql, offset: sql != nil && at >= 0 ? Int(at) : nil)
    }

    /// The message alone.
    package var description: String { message }

    /// Another connection holds the lock.
    package var isBusy: Bool { code == SQLITE_BUSY || code == SQLITE_LOCKED }
    /// The statement was ended by `interrupt` or by a progress handler.
    package var isInterrupt: Bool { code == SQLITE_INTERRUPT }
    /// The disk is full.
    package var isDiskFull: Bool { code == SQLITE_FULL }
    /// The process reached its memory limit, or a value exceeded the length limit.
    package var isLimit: Bool { code == SQLITE_NOMEM || code == SQLITE_TOOBIG }
    /// An authorizer refused the statement.
    package var isDenied: Bool { code == SQLITE_AUTH }
    /// The statement would write to a database that was opened read-only.
    package var isReadOnly: Bool { code == SQLITE_READONLY }
    /// The file is not a SQLite database, or is damaged.
    package var isCorrupt: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }
    /// The file could not be opened.
    package var isCannotOpen: Bool { code == SQLITE_CANTOPEN }
}
