// Inserts many rows into one table, several with one statement, which costs less than half of one statement for each.

import SQLite

/// An INSERT statement for one row and one for several rows.
final class RowsStatement {
    /// The number of rows of the statement for several.
    static let rowsAtOnce = 16
    private let one: Statement
    private let many: Statement
    private let columns: Int

    /// - Parameters:
    ///   - insert: the statement up to and without VALUES.
    ///   - row: the row in parentheses, with `columns` plain question marks.
    ///   - tail: the end of the statement, after the rows.
    /// - Throws: `SQLiteError`.
    init(_ connection: Connection, _ insert: String, row: String, columns: Int, tail: String = "") throws {
        self.columns = columns
        one = try connection.prepare("\(insert) VALUES \(row) \(tail)", persistent: true)
        let rows = Array(repeating: row, count: Self.rowsAtOnce).joined(separator: ", ")
        many = try connection.prepare("\(insert) VALUES \(rows) \(tail)", persistent: true)
    }

    /// Writes rows.
    /// - Parameters:
    ///   - bind: binds the values of a row to the parameters after the first `before` ones. Borrowed values must stay
    ///     valid until `written`.
    ///   - written: called after each statement with the rows that it wrote.
    /// - Throws: `SQLiteError`, and the errors of the closures.
    func write(
        rows: Int, _ bind: (_ row: Int, _ statement: Statement, _ before: Int) throws -> Void,
        written: (Range<Int>) throws -> Void = { _ in }
    ) throws {
        var next = 0
        while next < rows {
            let count = rows - next >= Self.rowsAtOnce ? Self.rowsAtOnce : 1
            let statement = count == 1 ? one : many
            for place in 0..<count { try bind(next + place, statement, place * columns) }
            try statement.run()
            try written(next..<next + count)
            next += count
        }
    }
}
