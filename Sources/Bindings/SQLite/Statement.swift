// A compiled statement. It holds a reference to its connection, which therefore outlives it.
// As in SQLite, parameters count from 1 and columns from 0. SQLite reports a parameter that does not exist as an error,
// and reads a column that does not exist as NULL.

import CSQLite

/// A compiled SQL statement.
@usableFromInline
package final class Statement {
    private let handle: OpaquePointer
    /// The connection that compiled the statement.
    package let connection: Connection

    init(_ handle: OpaquePointer, of connection: Connection) {
        self.handle = handle
        self.connection = connection
    }

    deinit {
        sqlite3_finalize(handle)
    }

    /// Runs the statement to its next row.
    /// - Returns: false when there is no further row.
    /// - Throws: `SQLiteError`; the statement must then be reset before it is used again.
    @usableFromInline
    package func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let result: throw SQLiteError(connection.handle, result: result, sql: sql)
        }
    }

    /// Runs the statement to its end, discards its rows, and resets it.
    /// - Throws: `SQLiteError`.
    @usableFromInline
    package func run() throws {
        defer { reset() }
        while try step() {}
    }

    /// Makes the statement ready to run again and releases its locks. Bound values stay.
    @usableFromInline
    package func reset() {
        sqlite3_reset(handle)
    }

    /// The statement's text.
    package var sql: String { sqlite3_sql(handle).map { String(cString: $0) } ?? "" }
    /// The statement cannot change the database file.
    package var isReadOnly: Bool { sqlite3_stmt_readonly(handle) != 0 }
    /// 0 for an ordinary statement, 1 for EXPLAIN, 2 for EXPLAIN QUERY PLAN.
    package var explainKind: Int { Int(sqlite3_stmt_isexplain(handle)) }

    // MARK: Parameters

    /// The largest parameter number; 0 without parameters.
    package var parameterCount: Int { Int(sqlite3_bind_parameter_count(handle)) }

    /// The name of a parameter with its prefix (`:a`, `@a`, `$a`, `?1`); nil for a plain `?`.
    package func parameterName(_ index: Int) -> String? {
        sqlite3_bind_parameter_name(handle, Int32(clamping: index)).map { String(cString: $0) }
    }

    private func check(_ result: Int32) throws {
        guard result == SQLITE_OK else { throw SQLiteError(connection.handle, result: result, sql: sql) }
    }

    /// Binds a value of any storage class; text and bytes are copied.
    /// - Throws: `SQLiteError` when there is no such parameter or the value is too long.
    package func bind(_ value: Value, at index: Int) throws {
        switch value {
        case .null: try bindNull(at: index)
        case .integer(let value): try bind(value, at: index)
        case .real(let value): try check(sqlite3_bind_double(handle, Int32(clamping: index), value))
        case .text(let value): try bind(value, at: index)
        case .blob(let value): try value.withUnsafeBytes { try bindBlob($0, at: index) }
        }
    }

    /// Binds an integer.
    /// - Throws: `SQLiteError` when there is no such parameter.
    @usableFromInline
    package func bind(_ value: Int64, at index: Int) throws {
        try check(sqlite3_bind_int64(handle, Int32(clamping: index), value))
    }

    /// Binds an integer, or NULL for nil.
    /// - Throws: `SQLiteError` when there is no such parameter.
    package func bind(_ value: Int64?, at index: Int) throws {
        if let value { try bind(value, at: index) } else { try bindNull(at: index) }
    }

    /// Binds NULL.
    /// - Throws: `SQLiteError` when there is no such parameter.
    @usableFromInline
    package func bindNull(at index: Int) throws {
        try check(sqlite3_bind_null(handle, Int32(clamping: index)))
    }

    /// Binds text, copied.
    /// - Throws: `SQLiteError` when there is no such parameter or the text is too long.
    @usableFromInline
    package func bind(_ value: String, at index: Int) throws {
        var value = value
        try value.withUTF8 { try bindText(UnsafeRawBufferPointer($0), at: index) }
    }

    /// Binds text, copied, or NULL for nil.
    /// - Throws: `SQLiteError` when there is no such parameter or the text is too long.
    package func bind(_ value: String?, at index: Int) throws {
        if let value { try bind(value, at: index) } else { try bindNull(at: index) }
    }

    /// Binds UTF-8 text, copied.
    /// - Throws: `SQLiteError` when there is no such parameter or the text is too long.
    @usableFromInline
    package func bindText(_ bytes: UnsafeRawBufferPointer, at index: Int) throws {
        let characters = Self.address(bytes)?.assumingMemoryBound(to: CChar.self)
        try check(
            pv_sqlite3_bind_text_copy(handle, Int32(clamping: index), characters, Int32(clamping: bytes.count)))
    }

    /// Binds UTF-8 text without copying it: `bytes` must stay valid until the statement is reset or the parameter
    /// rebound.
    /// - Throws: `SQLiteError` when there is no such parameter or the text is too long.
    package func bindBorrowedText(_ bytes: UnsafeRawBufferPointer, at index: Int) throws {
        let characters = Self.address(bytes)?.assumingMemoryBound(to: CChar.self)
        try check(sqlite3_bind_text(handle, Int32(clamping: index), characters, Int32(clamping: bytes.count), nil))
    }

    /// Binds bytes, copied.
    /// - Throws: `SQLiteError` when there is no such parameter or the value is too long.
    @usableFromInline
    package func bindBlob(_ bytes: UnsafeRawBufferPointer, at index: Int) throws {
        try check(
            pv_sqlite3_bind_blob_copy(
                handle, Int32(clamping: index), Self.address(bytes), Int32(clamping: bytes.count)))
    }

    /// A null pointer binds NULL, so an empty value needs a non-null address.
    private static func address(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawPointer? {
        bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)
    }

    // MARK: Columns

    /// The number of columns of a row; 0 for a statement that returns none.
    package var columnCount: Int { Int(sqlite3_column_count(handle)) }

    /// The name of a column as the statement gives it.
    package func columnName(_ column: Int) -> String {
        sqlite3_column_name(handle, Int32(clamping: column)).map { String(cString: $0) } ?? ""
    }

    /// The value is NULL.
    package func isNull(_ column: Int) -> Bool {
        sqlite3_column_type(handle, Int32(clamping: column)) == SQLITE_NULL
    }

    /// The value as an integer, converted as SQLite does; 0 for NULL.
    package func int64(_ column: Int) -> Int64 {
        sqlite3_column_int64(handle, Int32(clamping: column))
    }

    /// The value as an integer; nil for NULL.
    package func optionalInt64(_ column: Int) -> Int64? {
        isNull(column) ? nil : int64(column)
    }

    /// The value as text, converted as SQLite does; empty for NULL.
    package func string(_ column: Int) -> String {
        withText(column) { String(decoding: $0, as: UTF8.self) }
    }

    /// The value as text; nil for NULL.
    package func optionalString(_ column: Int) -> String? {
        isNull(column) ? nil : string(column)
    }

    /// Passes the bytes of the value as text (UTF-8), valid only within `body`; none for NULL.
    package func withText<Result>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let start = sqlite3_column_text(handle, Int32(clamping: column))
        let count = Int(sqlite3_column_bytes(handle, Int32(clamping: column)))
        return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    /// Passes the bytes of the value, valid only within `body`; none for NULL.
    package func withBlob<Result>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let start = sqlite3_column_blob(handle, Int32(clamping: column))
        let count = Int(sqlite3_column_bytes(handle, Int32(clamping: column)))
        return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    /// The value, copied.
    package func value(_ column: Int) -> Value {
        switch sqlite3_column_type(handle, Int32(clamping: column)) {
        case SQLITE_INTEGER: .integer(int64(column))
        case SQLITE_FLOAT: .real(sqlite3_column_double(handle, Int32(clamping: column)))
        case SQLITE_TEXT: .text(string(column))
        case SQLITE_BLOB: .blob(withBlob(column) { Array($0) })
        default: .null
        }
    }
}
