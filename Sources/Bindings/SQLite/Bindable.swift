// Binds all parameters of a statement at once, in their order.
//
//     try connection.run("UPDATE t SET a = ?1 WHERE id = ?2", a, id)
//     let name = try connection.first("SELECT name FROM t WHERE id = ?1", id) { $0.string(0) }

/// A value that can be bound to a parameter.
@usableFromInline
package protocol Bindable {
    /// Binds the value.
    /// - Throws: `SQLiteError` when there is no such parameter or the value is too long.
    func bind(to statement: Statement, at index: Int) throws
}

extension Int64: Bindable {
    /// As an integer.
    @inlinable
    package func bind(to statement: Statement, at index: Int) throws { try statement.bind(self, at: index) }
}

extension Int32: Bindable {
    /// As an integer.
    @inlinable
    package func bind(to statement: Statement, at index: Int) throws { try statement.bind(Int64(self), at: index) }
}

extension String: Bindable {
    /// As text, copied.
    @inlinable
    package func bind(to statement: Statement, at index: Int) throws { try statement.bind(self, at: index) }
}

extension [UInt8]: Bindable {
    /// As a blob, copied.
    @inlinable
    package func bind(to statement: Statement, at index: Int) throws {
        try withUnsafeBytes { try statement.bindBlob($0, at: index) }
    }
}

extension Optional: Bindable where Wrapped: Bindable {
    /// As NULL for nil.
    @inlinable
    package func bind(to statement: Statement, at index: Int) throws {
        if let self { try self.bind(to: statement, at: index) } else { try statement.bindNull(at: index) }
    }
}

/// UTF-8 text in the caller's memory; binding copies it.
@usableFromInline
package struct TextBytes: Bindable {
    @usableFromInline let bytes: UnsafeRawBufferPointer

    /// - Parameter bytes: must stay valid until the text is bound.
    @inlinable
    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// As text.
    @inlinable
    package func bind(to statement: Statement, at index: Int) throws { try statement.bindText(bytes, at: index) }
}

extension Statement {
    /// Binds the parameters `before + 1`, `before + 2`, ...
    /// - Throws: `SQLiteError` when there is no such parameter or a value is too long.
    @inlinable
    package func bind<each V: Bindable>(after before: Int, _ values: repeat each V) throws {
        var index = before
        for value in repeat each values {
            index += 1
            try value.bind(to: self, at: index)
        }
    }

    /// Binds the parameters from the first on, runs the statement to its end and resets it.
    /// - Throws: `SQLiteError`.
    @inlinable
    package func run<each V: Bindable>(_ values: repeat each V) throws {
        try bind(after: 0, repeat each values)
        try run()
    }

    /// Resets the statement and binds the parameters from the first on, ready to step to the first row.
    /// - Throws: `SQLiteError`.
    @inlinable
    package func restart<each V: Bindable>(_ values: repeat each V) throws {
        reset()
        try bind(after: 0, repeat each values)
    }

    /// The first row, read by `row`; nil when there is none. The statement is reset afterwards.
    /// - Throws: `SQLiteError`, and what `row` throws.
    @inlinable
    package func first<Result, each V: Bindable>(
        _ values: repeat each V, row: (Statement) throws -> Result
    ) throws -> Result? {
        try restart(repeat each values)
        defer { reset() }
        return try step() ? try row(self) : nil
    }

    /// Reads every row. The statement is reset afterwards.
    /// - Throws: `SQLiteError`, and what `row` throws.
    @inlinable
    package func forEach<each V: Bindable>(_ values: repeat each V, row: (Statement) throws -> Void) throws {
        try restart(repeat each values)
        defer { reset() }
        while try step() { try row(self) }
    }
}

extension Connection {
    /// Runs one statement with its parameters.
    /// - Throws: `SQLiteError`.
    package func run<each V: Bindable>(_ sql: String, _ values: repeat each V) throws {
        try prepare(sql).run(repeat each values)
    }

    /// The first row of one statement, read by `row`; nil when there is none.
    /// - Throws: `SQLiteError`, and what `row` throws.
    package func first<Result, each V: Bindable>(
        _ sql: String, _ values: repeat each V, row: (Statement) throws -> Result
    ) throws -> Result? {
        try prepare(sql).first(repeat each values, row: row)
    }

    /// The first column of the first row as an integer; 0 when there is no row or the value is NULL.
    /// - Throws: `SQLiteError`.
    package func number<each V: Bindable>(_ sql: String, _ values: repeat each V) throws -> Int64 {
        try first(sql, repeat each values) { $0.int64(0) } ?? 0
    }

    /// Reads every row of one statement.
    /// - Throws: `SQLiteError`, and what `row` throws.
    package func forEach<each V: Bindable>(
        _ sql: String, _ values: repeat each V, row: (Statement) throws -> Void
    ) throws {
        try prepare(sql).forEach(repeat each values, row: row)
    }

    /// Every row of one statement, read by `row`.
    /// - Throws: `SQLiteError`, and what `row` throws.
    package func all<Result, each V: Bindable>(
        _ sql: String, _ values: repeat each V, row: (Statement) throws -> Result
    ) throws -> [Result] {
        var found: [Result] = []
        try forEach(sql, repeat each values) { found.append(try row($0)) }
        return found
    }
}
