// Where each row of the counts table lies: data files by number (`data_file`), exported rows (`exported`), and those of the
// open commit (`staged`).
//
// Invariants: `exported` says where the table's live rows are, as of `export_progress`; staged rows belong to the counts
// table's intent and mean nothing without it; a file's number is never given twice.

package import Base
import SQLite

/// Where one row of the counts table lies, or will.
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

    /// A location.
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

    /// A key.
    package init(windowStart: WindowStart, postcode: String) {
        self.windowStart = windowStart
        self.postcode = postcode
    }
}

/// An exported row as the ledger has it.
package struct ExportedRow: Equatable, Sendable {
    /// The count that was exported.
    package let count: Int64
    /// The row's file, by its number.
    package let fileID: Int64
    /// The row's position in the file, from 0.
    package let position: Int64
}

/// Looks up exported or staged rows, one key after another, cheapest in the order of keys.
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

/// Looks up the exported count of a row at its place.
package final class ExportedPlaces {
    private let row: Statement

    init(_ connection: Connection) throws {
        row = try connection.prepare(
            "SELECT count FROM exported WHERE window_start = ?1 AND postcode = ?2 AND file_id = ?3 AND position = ?4",
            persistent: true)
    }

    /// The count of the row that lies there; nil when the ledger has none there.
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

    /// A cursor over the places that the rows of the open commit will have.
    /// - Throws: `SQLiteError`.
    package func stagedCursor() throws -> ExportedCursor { try ExportedCursor(connection, of: "staged") }

    /// A look-up of exported rows at their places.
    /// - Throws: `SQLiteError`.
    package func exportedPlaces() throws -> ExportedPlaces { try ExportedPlaces(connection) }

    /// The number of exported rows.
    /// - Throws: `SQLiteError`.
    package func numberOfExportedRows() throws -> Int64 { try connection.number("SELECT count(*) FROM exported") }

    /// All exported rows, without their counts.
    /// - Throws: `SQLiteError`, and what `body` throws.
    package func forEachExported(_ body: (_ window: WindowStart, _ fileID: Int64, _ position: Int64) throws -> Void)
        throws
    {
        try connection.forEach("SELECT window_start, file_id, position FROM exported") {
            try body($0.window(0), $0.int64(1), $0.int64(2))
        }
    }

    /// How many exported rows of the windows that start in a range lie in each file, by the file's number.
    /// - Throws: `SQLiteError`.
    package func exportedRows(inWindows range: Range<WindowStart>) throws -> [Int64: Int64] {
        var rows: [Int64: Int64] = [:]
        try connection.forEach(
            "SELECT file_id, count(*) FROM exported WHERE window_start >= ?1 AND window_start < ?2 GROUP BY file_id",
            range.lowerBound.seconds, range.upperBound.seconds
        ) { rows[$0.int64(0)] = $0.int64(1) }
        return rows
    }

    /// The places of the rows that the open commit replaces.
    /// - Throws: `SQLiteError`, and what `body` throws.
    package func forEachStale(_ body: (_ path: String, _ position: Int64) throws -> Void) throws {
        try connection.forEach(
            """
            SELECT f.path, e.position FROM staged AS s
            JOIN exported AS e ON e.window_start = s.window_start AND e.postcode = s.postcode
            JOIN data_file AS f ON f.id = e.file_id
            """
        ) { try body($0.string(0), $0.int64(1)) }
    }

    /// The places of the rows whose counts have changed since a generation: the next commit replaces them.
    /// - Throws: `SQLiteError`, and what `body` throws.
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

    /// How many data files the ledger knows.
    /// - Throws: `SQLiteError`.
    package func fileCount() throws -> Int64 { try connection.number("SELECT count(*) FROM data_file") }

    /// The data files in which no exported or staged row lies. It takes long: not for the writer.
    /// - Throws: `SQLiteError`.
    package func deadFiles() throws -> [Int64] {
        try connection.all(
            "SELECT id FROM data_file EXCEPT SELECT file_id FROM exported EXCEPT SELECT file_id FROM staged"
        ) { $0.int64(0) }
    }
}

extension Store {
    /// The number of a data file in the ledger; a new one for a new path.
    /// - Throws: `SQLiteError`.
    package func fileID(ofPath path: String) throws -> Int64 {
        try transaction { try connection.run("INSERT OR IGNORE INTO data_file (path) VALUES (?1)", path) }
        guard let id = try connection.first("SELECT id FROM data_file WHERE path = ?1", path, row: { $0.int64(0) })
        else { throw SQLiteError(code: 1, message: "data_file lost \(path)") }
        return id
    }

    /// Forgets what an earlier, unfinished preparation staged.
    /// - Throws: `SQLiteError`.
    package func clearStaged() throws {
        try transaction { try connection.execute("DELETE FROM staged") }
    }

    /// Stages row locations for the counts table's next intent. Called in pieces, so that flushes get their turn.
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

    /// Makes the staged rows exported ones.
    func exportStaged() throws {
        try connection.execute("INSERT OR REPLACE INTO exported SELECT * FROM staged")
    }

    /// Gives the next exported rows the places that are staged for them, in the order of their keys. Rows that are not in
    /// the ledger (any more) are passed over.
    /// - Returns: the last key; nil when none was left.
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

    /// Forgets data files in which no exported row lies.
    /// - Throws: `SQLiteError`.
    func forgetFiles(_ paths: [String]) throws {
        let row = try connection.prepare("DELETE FROM data_file WHERE path = ?1")
        for path in paths { try row.run(path) }
    }

    /// Forgets data files by their number.
    /// - Throws: `SQLiteError`.
    package func forgetFiles(ids: [Int64]) throws {
        try transaction {
            let row = try connection.prepare("DELETE FROM data_file WHERE id = ?1")
            for id in ids { try row.run(id) }
        }
    }
}
