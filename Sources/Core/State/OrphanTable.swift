// Files of abandoned commits (`orphan`), which the exporter removes once a later commit has made it impossible that the
// abandoned one still succeeds.

import SQLite

extension StateView {
    /// The orphans of a table that were recorded before `since`.
    /// - Parameter since: milliseconds since the Unix epoch (exclusive).
    /// - Throws: `SQLiteError`.
    package func orphans(of table: ExportTable, before since: Int64) throws -> [String] {
        try connection.all(
            "SELECT location FROM orphan WHERE table_kind = ?1 AND since_ms < ?2", table.rawValue, since
        ) { $0.string(0) }
    }
}

extension Store {
    /// Records orphans. Those already recorded keep their time.
    /// - Throws: `SQLiteError`.
    package func addOrphans(_ locations: [String], of table: ExportTable, now: Int64) throws {
        let row = try connection.prepare("INSERT OR IGNORE INTO orphan VALUES (?1, ?2, ?3)")
        try transaction {
            for location in locations { try row.run(location, table.rawValue, now) }
        }
    }

    /// Removes the records of deleted files.
    /// - Throws: `SQLiteError`.
    package func forgetOrphans(_ locations: [String]) throws {
        let row = try connection.prepare("DELETE FROM orphan WHERE location = ?1")
        try transaction {
            for location in locations { try row.run(location) }
        }
    }
}
