// The export records of each table: the history of commits (`export`), the export progress (`export_progress`) and the
// open commit (`intent`). The tables' values in `meta` are in MetaTable.swift.

package import Base
import Foundation
import SQLite

/// One commit of the history.
package struct ExportRecord: Equatable, Sendable {
    /// The commit's id, which the table's history also has.
    package let commitID: String
    /// The table's full name.
    package let table: String
    /// The state's generation that the table has after the commit.
    package let generation: Generation
    /// The snapshot of the commit; nil where it is not known.
    package let snapshotID: Int64?
    /// When the commit was settled, in milliseconds since the Unix epoch; nil before.
    package let committedAt: Int64?
    /// Rows added.
    package let rowsAdded: Int64
    /// Rows deleted.
    package let rowsDeleted: Int64
    /// `prepared`, `committed` or `abandoned`.
    package let state: String

    /// A record from its parts.
    package init(
        commitID: String, table: String, generation: Generation, snapshotID: Int64?, committedAt: Int64?,
        rowsAdded: Int64,
        rowsDeleted: Int64, state: String
    ) {
        self.commitID = commitID
        self.table = table
        self.generation = generation
        self.snapshotID = snapshotID
        self.committedAt = committedAt
        self.rowsAdded = rowsAdded
        self.rowsDeleted = rowsDeleted
        self.state = state
    }
}

extension StateView {
    /// The newest commits, newest first, at most `limit`.
    /// - Throws: `SQLiteError`.
    package func newestExports(limit: Int64) throws -> [ExportRecord] {
        try connection.all(
            """
            SELECT commit_id, table_name, generation, snapshot_id, committed_at_ms, rows_added, rows_deleted, state
            FROM export ORDER BY id DESC LIMIT ?1
            """, limit
        ) { row in
            ExportRecord(
                commitID: row.string(0), table: row.string(1), generation: row.generation(2),
                snapshotID: row.optionalInt64(3), committedAt: row.optionalInt64(4), rowsAdded: row.int64(5),
                rowsDeleted: row.int64(6), state: row.string(7))
        }
    }

    /// When the last commit of a table was settled, in milliseconds since the Unix epoch; nil when none was.
    /// - Throws: `SQLiteError`.
    package func lastSettled(_ tableName: String) throws -> Int64? {
        try connection.first(
            "SELECT max(committed_at_ms) FROM export WHERE table_name = ?1 AND state = 'committed'", tableName
        ) { $0.optionalInt64(0) } ?? nil
    }

    /// The table's open intent: prepared, but not settled; nil when there is none.
    /// - Throws: `SQLiteError`, or `DecodingError` for a row that this program did not write.
    package func intent(of table: ExportTable) throws -> Intent? {
        try connection.first("SELECT facts FROM intent WHERE table_kind = ?1", table.rawValue) {
            try JSONDecoder().decode(Intent.self, from: Data($0.string(0).utf8))
        }
    }

    /// The export progress of a table.
    /// - Throws: `SQLiteError`, or `DecodingError` for a row that this program did not write.
    package func exportProgress(of table: ExportTable) throws -> ExportProgress {
        try connection.first("SELECT generation, offsets FROM export_progress WHERE table_kind = ?1", table.rawValue) {
            ExportProgress(generation: $0.generation(0), offsets: try JSONText.offsets($0.string(1)))
        } ?? ExportProgress(generation: 0, offsets: [:])
    }

    /// The table's writer epoch after this state's last settled commit; 0 before the first.
    /// - Throws: `SQLiteError`.
    package func epoch(of table: ExportTable) throws -> Int64 { try number(.epoch(table)) ?? 0 }

    /// The snapshot of this state's last settled commit; nil before the first.
    /// - Throws: `SQLiteError`.
    package func lastSnapshot(of table: ExportTable) throws -> Int64? { try number(.snapshot(table)) }

    /// The ledger's position in a table.
    /// - Throws: `SQLiteError`.
    package func position(of table: ExportTable) throws -> LedgerPosition {
        var position = LedgerPosition()
        position.epoch = try epoch(of: table)
        position.commitID = try meta(.commit(table))
        position.snapshotID = try lastSnapshot(of: table)
        position.progress = try exportProgress(of: table)
        position.rows = try number(.rows(table))
        position.openCommitID = try intent(of: table)?.commitID
        return position
    }

    /// Whether another writer committed to a table since this state began to export to it. The ledger's row locations
    /// may then be wrong.
    /// - Throws: `SQLiteError`.
    package func hasForeignCommits(_ table: ExportTable) throws -> Bool { try meta(.foreignCommits(table)) != nil }
}

extension Store {
    /// Records that another writer committed to a table.
    /// - Throws: `SQLiteError`.
    package func noteForeignCommits(_ table: ExportTable) throws { try setMeta(.foreignCommits(table), to: "1") }

    /// Inserts a prepared commit.
    func insert(_ intent: Intent) throws {
        try connection.run(
            "INSERT INTO intent VALUES (?1, ?2, ?3)", intent.table.rawValue, intent.commitID,
            try JSONText.encode(intent))
        try connection.run(
            """
            INSERT INTO export (commit_id, table_name, generation, rows_added, rows_deleted, state)
            VALUES (?1, ?2, ?3, ?4, ?5, 'prepared')
            """, intent.commitID, intent.tableName, intent.generation.rawValue, intent.rowsAdded, intent.rowsDeleted)
    }

    /// Removes an intent and records the final state of its commit.
    func closeIntent(_ intent: Intent, state: String, snapshotID: Int64?, committedAt: Int64?) throws {
        try connection.run("DELETE FROM intent WHERE commit_id = ?1", intent.commitID)
        try connection.run(
            "UPDATE export SET state = ?2, snapshot_id = ?3, committed_at_ms = ?4 WHERE commit_id = ?1",
            intent.commitID, state, snapshotID, committedAt)
    }

    /// Records the export progress of a table.
    func setExportProgress(of table: ExportTable, to progress: ExportProgress) throws {
        try connection.run(
            "INSERT OR REPLACE INTO export_progress VALUES (?1, ?2, ?3)", table.rawValue,
            progress.generation.rawValue,
            try JSONText.encode(progress.offsets))
    }
}

/// Values that are stored as JSON.
enum JSONText {
    static func encode(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    static func offsets(_ text: String) throws -> [PartitionID: KafkaOffset] {
        try JSONDecoder().decode([PartitionID: KafkaOffset].self, from: Data(text.utf8))
    }
}
