// The locations of the rows of the counts table: data files by number (`data_file`), exported rows (`exported`), and
// the rows of the open commit (`staged`). Ledger.swift has their invariants. The schema never reuses a file's number.

package import Base
import SQLite

/// The location of one row of the counts table, present or staged.
package struct RowLocation: Equatable, Sendable {
    /// The window's start.
    package var windowStart: WindowStart
    /// The postcode.
    package var postcode: String
    /// The row's file, by its number in the ledger.
    package var fileID: Int64
    /// The row's position in the file, from 0.
    package var position: Int64
    /// The count that was exported.
    package var count: Int64

    /// A location from its parts.
    package init(windowStart: WindowStart, postcode: String, fileID: Int64, position: Int64, count: Int64) {
        self.windowStart = windowStart
        self.postcode = postcode
        self.fileID = fileID
        self.position = position
        self.count = count
    }
}

/// The key of a row of the counts table.
package struct RowKey: Equatable, Sendable {
    /// The window's start.
    package var windowStart: WindowStart
    /// The postcode.
    package var postcode: String

    /// A key from its parts.
    package init(windowStart: WindowStart, postcode: String) {
        self.windowStart = windowStart
        self.postcode = postcode
    }
}

/// An exported row in the ledger.
package struct ExportedRow: Equatable, Sendable {
    /// The count that was exported.
    package let count: Int64
    /// The row's file, by its number.
    package let fileID: Int64
    /// The row's position in the file, from 0.
    package let position: Int64
}

/// Looks up exported or staged rows by key. Lookups in ascending order of keys are the cheapest.
package final class ExportedCursor {
    private let cursor: KeyCursor

    init(_ connection: Connection, of table: String) throws {
        cursor = try KeyCursor(connection, columns: "count, file_id, position", of: table)
    }

    /// The row of a key; nil when there is none.
    /// - Throws: `SQLiteError`.
    package func find(window: WindowStart, postcode: UnsafeRawBufferPointer) throws -> ExportedRow? {
        guard try cursor.find(window: window, postcode: postcode) else { return nil }
        let row = cursor.row
        return ExportedRow(count: row.int64(2), fileID: row.int64(3), position: row.int64(4))
    }
}

/// Looks up the exported count of a row at a location.
package final class ExportedPlaces {
    private let row: Statement

    init(_ connection: Connection) throws {
        row = try connection.prepare(
            "SELECT count FROM exported WHERE window_start = ?1 AND postcode = ?2 AND file_id = ?3 AND position = ?4",
            persistent: true)
    }

    /// The count of the row; nil when the ledger has no row with this key at this location.
    /// - Throws: `SQLiteError`.
    package func count(window: WindowStart, postcode: String, fileID: Int64, position: Int64) throws -> Int64? {
        var values = Parameters(row)
        row.reset()
        try values.add(window)
        try values.add(postcode)
        try values.add(fileID)
        try values.add(position)
        defer { row.reset() }
        return try row.step() ? row.int64(0) : nil
    }
}

extension StateView {
    /// A cursor over all exported rows.
    /// - Throws: `SQLiteError`.
    package func exportedCursor() throws -> ExportedCursor { try ExportedCursor(connection, of: "exported") }

    /// A cursor over the staged rows.
    /// - Throws: `SQLiteError`.
    package func stagedCursor() throws -> ExportedCursor { try ExportedCursor(connection, of: "staged") }

    /// A lookup of exported rows by location.
    /// - Throws: `SQLiteError`.
    package func exportedPlaces() throws -> ExportedPlaces { try ExportedPlaces(connection) }

    /// The number of exported rows.
    /// - Throws: `SQLiteError`.
    package func numberOfExportedRows() throws -> Int64 { try connection.number("SELECT count(*) FROM exported") }

    /// Calls `body` for each exported row, in no particular order.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachExported(_ body: (_ window: WindowStart, _ fileID: Int64, _ position: Int64) throws -> Void)
        throws
    {
        try connection.forEach("SELECT window_start, file_id, position FROM exported") {
            try body($0.window(0), $0.int64(1), $0.int64(2))
        }
    }

    /// The number of exported rows in each file, by the file's number, for windows that start in a range.
    /// - Throws: `SQLiteError`.
    package func exportedRows(inWindows range: Range<WindowStart>) throws -> [Int64: Int64] {
        var rows: [Int64: Int64] = [:]
        try connection.forEach(
            "SELECT file_id, count(*) FROM exported WHERE window_start >= ?1 AND window_start < ?2 GROUP BY file_id",
            range.lowerBound.seconds, range.upperBound.seconds
        ) { rows[$0.int64(0)] = $0.int64(1) }
        return rows
    }

    /// Calls `body` with the location of each row that the open commit replaces.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachStale(_ body: (_ path: String, _ position: Int64) throws -> Void) throws {
        try connection.forEach(
            """
            SELECT f.path, e.position FROM staged AS s
            JOIN exported AS e ON e.window_start = s.window_start AND e.postcode = s.postcode
            JOIN data_file AS f ON f.id = e.file_id
            """
        ) { try body($0.string(0), $0.int64(1)) }
    }

    /// Calls `body` with the location of each row whose count has changed after a generation, which the next commit
    /// replaces.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachStale(
        since generation: Generation, _ body: (_ path: String, _ position: Int64) throws -> Void
    ) throws {
        try connection.forEach(
            """
            SELECT f.path, e.position
            FROM windows AS w CROSS JOIN counts AS c ON c.window_start = w.window_start
            JOIN exported AS e ON e.window_start = c.window_start AND e.postcode = c.postcode
            JOIN data_file AS f ON f.id = e.file_id
            WHERE w.generation > ?1 AND c.generation > ?1 AND e.count IS NOT c.count
            """, generation.rawValue
        ) { try body($0.string(0), $0.int64(1)) }
    }

    /// The numbers of all data files, by path.
    /// - Throws: `SQLiteError`.
    package func dataFiles() throws -> [String: Int64] {
        var ids: [String: Int64] = [:]
        try connection.forEach("SELECT id, path FROM data_file") { ids[$0.string(1)] = $0.int64(0) }
        return ids
    }

    /// The number of data files in the ledger.
    /// - Throws: `SQLiteError`.
    package func fileCount() throws -> Int64 { try connection.number("SELECT count(*) FROM data_file") }

    /// The numbers of data files without exported or staged rows. Slow: call it on a reader, not on the writer.
    /// - Throws: `SQLiteError`.
    package func deadFiles() throws -> [Int64] {
        try connection.all(
            "SELECT id FROM data_file EXCEPT SELECT file_id FROM exported EXCEPT SELECT file_id FROM staged"
        ) { $0.int64(0) }
    }
}

extension Store {
    /// The number of a data file in the ledger; assigns one to a new path.
    /// - Throws: `SQLiteError` or `StoreError`.
    package func fileID(ofPath path: String) throws -> Int64 {
        try transaction { try connection.run("INSERT OR IGNORE INTO data_file (path) VALUES (?1)", path) }
        guard let id = try connection.first("SELECT id FROM data_file WHERE path = ?1", path, row: { $0.int64(0) })
        else { throw SQLiteError(code: 1, message: "data_file lost \(path)") }
        return id
    }

    /// Removes the staged rows, also those of an unfinished preparation.
    /// - Throws: `SQLiteError`.
    package func clearStaged() throws {
        try transaction { try connection.execute("DELETE FROM staged") }
    }

    /// Stages row locations for the counts table's next intent. The exporter calls this in batches, so that flushes can
    /// run in between.
    /// - Throws: `SQLiteError`.
    package func stage(_ rows: some Collection<RowLocation>) throws {
        try transaction {
            let statement = try connection.prepare("INSERT OR REPLACE INTO staged VALUES (?1, ?2, ?3, ?4, ?5)")
            for row in rows {
                var values = Parameters(statement)
                try values.add(row.windowStart)
                try values.add(row.postcode)
                try values.add(row.fileID)
                try values.add(row.position)
                try values.add(row.count)
                try values.run()
            }
        }
    }

    /// Copies the staged rows to the exported rows.
    func exportStaged() throws {
        try connection.execute("INSERT OR REPLACE INTO exported SELECT * FROM staged")
    }

    /// Moves the next exported rows to their staged locations, in ascending order of keys. Ignores staged rows that are
    /// no longer in the ledger.
    /// - Parameters:
    ///   - key: the last key of the previous call; nil to start.
    ///   - limit: the largest number of rows.
    /// - Returns: the last key; nil when no row was left.
    /// - Throws: `SQLiteError`; nothing was changed then.
    package func moveExported(after key: RowKey?, limit: Int) throws -> RowKey? {
        try transaction {
            let move = try connection.prepare(
                "UPDATE exported SET file_id = ?3, position = ?4 WHERE window_start = ?1 AND postcode = ?2")
            var last: RowKey?
            try connection.forEach(
                """
                SELECT window_start, postcode, file_id, position FROM staged
                WHERE (window_start, postcode) > (?1, ?2) ORDER BY window_start, postcode LIMIT ?3
                """, (key?.windowStart ?? .first).seconds, key?.postcode ?? "", Int64(limit)
            ) { row in
                let key = RowKey(windowStart: row.window(0), postcode: row.string(1))
                var values = Parameters(move)
                try values.add(key.windowStart)
                try values.add(key.postcode)
                try values.add(row.int64(2))
                try values.add(row.int64(3))
                try values.run()
                last = key
            }
            return last
        }
    }

    /// Removes data files without exported rows from the ledger.
    /// - Throws: `SQLiteError`.
    func forgetFiles(_ paths: [String]) throws {
        let row = try connection.prepare("DELETE FROM data_file WHERE path = ?1")
        for path in paths { try row.run(path) }
    }

    /// Removes data files from the ledger by their numbers.
    /// - Throws: `SQLiteError`.
    package func forgetFiles(ids: [Int64]) throws {
        try transaction {
            let row = try connection.prepare("DELETE FROM data_file WHERE id = ?1")
            for id in ids { try row.run(id) }
        }
    }
}
