// Helpers of the store's tests.

import Base
import StateFixtures

@testable import SQLite
@testable import State

extension Connection {
    /// All rows of a query.
    func rows(_ sql: String) throws -> [[Value]] {
        let statement = try prepare(sql)
        var rows: [[Value]] = []
        while try statement.step() { rows.append((0..<statement.columnCount).map { statement.value($0) }) }
        return rows
    }

    /// The names of a query's columns.
    func columns(_ sql: String) throws -> [String] {
        let statement = try prepare(sql)
        return (0..<statement.columnCount).map { statement.columnName($0) }
    }

    /// All rows of the tables that a flush writes.
    func everything() throws -> [[[Value]]] {
        try ["counts", "windows", "late", "rejected", "incident", "partition_progress", "progress", "meta"].map {
            try rows("SELECT * FROM \($0) ORDER BY 1, 2")
        }
    }
}
