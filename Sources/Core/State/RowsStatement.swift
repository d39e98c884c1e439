// Many rows into one table: several with one statement, which costs less than half of a statement for each.

import SQLite

/// An INSERT of one row, and the same of several.
final class RowsStatement {
    /// Rows written by one statement, while there are enough.
    static let rowsAtOnce = 16
    private let one: Statement
    private let many: Statement
    private let columns: Int

    /// - Parameters:
    ///   - insert: up to and without VALUES.
    ///   - row: the row in parentheses, with `columns` plain question marks.
    ///   - tail: what follows the rows.
    /// - Throws: `SQLiteError`.
    init(_ connection: Connection, _ insert: String, row: String, columns: Int, tail: String = "") throws {
        self.columns = columns
        one = try connection.prepare("\(insert) VALUES \(row) \(tail)", persistent: true)
        let rows = Array(repeating: row, count: Self.rowsAtOnce).joined(separator: ", ")
        many = try connection.prepare("\(insert) VALUES \(rows) \(tail)", persistent: true)
    }

    /// Writes rows.
    /// - Parameters:
    ///   - bind: binds the values of a row to the parameters that follow the given one; they have to stay valid until `written`.
    ///   - written: told which rows were written, after each statement.
    /// - Throws: `SQLiteError`, and what the closures throw.
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
