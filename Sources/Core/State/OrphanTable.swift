// Files that may have to be removed (`orphan`): those of a commit that did not happen, until a later commit made sure that it
// never can.

import SQLite

extension StateView {
    /// Files recorded before `since` (milliseconds, exclusive) that no commit of the table can reference any more.
    /// - Throws: `SQLiteError`.
    package func orphans(of table: ExportTable, before since: Int64) throws -> [String] {
        try connection.all(
            "SELECT location FROM orphan WHERE table_kind = ?1 AND since_ms < ?2", table.rawValue, since
        ) { $0.string(0) }
    }
}

extension Store {
    /// Records files that may have to be removed.
    /// - Throws: `SQLiteError`.
    package func addOrphans(_ locations: [String], of table: ExportTable, now: Int64) throws {
        let row = try connection.prepare("INSERT OR IGNORE INTO orphan VALUES (?1, ?2, ?3)")
        try transaction {
            for location in locations { try row.run(location, table.rawValue, now) }
        }
    }

    /// Forgets files that were removed.
    /// - Throws: `SQLiteError`.
    package func forgetOrphans(_ locations: [String]) throws {
        let row = try connection.prepare("DELETE FROM orphan WHERE location = ?1")
        try transaction {
            for location in locations { try row.run(location) }
        }
    }
}
