// The export ledger: what is about to be committed to a table, what was, and where each exported row lies.
//
// A commit goes through prepare (the intent and its staged row positions, durable before anything is sent), commit (the
// exporter's business) and settle (positions take effect, progress moves, the intent goes). Invariants: at most one
// intent a table; staged rows belong to the counts table's intent and mean nothing without it; `exported` says exactly
// where the table's live rows are, as of `export_progress`; a file that was written for a commit that did not happen is
// an orphan until a later commit made sure that it never can.

package import Foundation
package import SQLite

/// The two tables that are exported.
package enum ExportTable: String, Codable, CaseIterable, Sendable {
    /// Counts per postcode and window.
    case counts
    /// Raw events.
    case raw
}

/// A commit that was prepared.
package struct Intent: Codable, Equatable, Sendable {
    /// Names the commit in the table's history.
    package var commitID: String
    /// The table.
    package var table: ExportTable
    /// The table's full name, for people.
    package var tableName: String
    /// The state's generation that it brings the table to.
    package var generation: Int64
    /// The offsets that it adds, by partition.
    package var offsets: [Int32: OffsetSpan]
    /// Rows that it adds and deletes.
    package var rowsAdded: Int64
    /// Rows that it deletes (old versions of rows it adds).
    package var rowsDeleted: Int64
    /// The locations of the files written for it.
    package var files: [String]
    /// Raw: the segments it exports.
    package var segments: [String]
    /// It rewrites what the table has and exports nothing new.
    package var isRewrite: Bool
    /// The table's writer epoch once it is committed: one more than before.
    package var epoch: Int64
    /// The files and whatever else the exporter needs to go on after a crash, in a form of its own.
    package var payload: Data

    /// An intent.
    package init(
        commitID: String, table: ExportTable, tableName: String, generation: Int64, offsets: [Int32: OffsetSpan],
        rowsAdded: Int64, rowsDeleted: Int64, files: [String], segments: [String] = [], isRewrite: Bool = false,
        epoch: Int64, payload: Data
    ) {
        self.epoch = epoch
        self.payload = payload
        self.commitID = commitID
        self.table = table
        self.tableName = tableName
        self.generation = generation
        self.offsets = offsets
        self.rowsAdded = rowsAdded
        self.rowsDeleted = rowsDeleted
        self.files = files
        self.segments = segments
        self.isRewrite = isRewrite
    }
}

/// How far a table has been brought.
package struct ExportProgress: Equatable, Sendable {
    /// The state's generation; 0 before the first export.
    package var generation: Int64
    /// The end of the offsets exported, by partition.
    package var offsets: [Int32: Int64]

    /// Progress.
    package init(generation: Int64, offsets: [Int32: Int64]) {
        self.generation = generation
        self.offsets = offsets
    }
}

/// Where one row of the counts table lies, or will.
package struct RowLocation: Equatable, Sendable {
    /// The window's start, seconds since the Unix epoch.
    package var windowStart: Int64
    /// The postcode.
    package var postcode: String
    /// The row's file, by its number in the ledger.
    package var fileID: Int64
    /// The row's position in the file, from 0.
    package var position: Int64
    /// The count that was exported.
    package var count: Int64

    /// A location.
    package init(windowStart: Int64, postcode: String, fileID: Int64, position: Int64, count: Int64) {
        self.windowStart = windowStart
        self.postcode = postcode
        self.fileID = fileID
        self.position = position
        self.count = count
    }
}

extension Store {
    /// The intent of a table that was prepared and not settled.
    /// - Throws: `SQLiteError`.
    package func intent(of table: ExportTable) throws -> Intent? {
        let row = try connection.prepare("SELECT facts FROM intent WHERE table_kind = ?1")
        try row.bind(table.rawValue, at: 1)
        guard try row.step() else { return nil }
        return try JSONDecoder().decode(Intent.self, from: Data(row.string(0).utf8))
    }

    /// How far a table has been brought.
    /// - Throws: `SQLiteError`.
    package func exportProgress(of table: ExportTable) throws -> ExportProgress {
        try Self.exportProgress(of: table, connection)
    }

    /// The same, over another connection's snapshot.
    /// - Throws: `SQLiteError`.
    package static func exportProgress(of table: ExportTable, _ connection: Connection) throws -> ExportProgress {
        let row = try connection.prepare("SELECT generation, offsets FROM export_progress WHERE table_kind = ?1")
        try row.bind(table.rawValue, at: 1)
        guard try row.step() else { return ExportProgress(generation: 0, offsets: [:]) }
        let offsets = try Self.offsets(row.string(1))
        return ExportProgress(generation: row.int64(0), offsets: offsets)
    }

    /// The table's writer epoch after this state's last settled commit; 0 before the first.
    /// - Throws: `SQLiteError`.
    package func epoch(of table: ExportTable) throws -> Int64 {
        try meta("epoch.\(table.rawValue)").flatMap { Int64($0) } ?? 0
    }

    /// The snapshot of this state's last settled commit; nil before the first.
    /// - Throws: `SQLiteError`.
    package func lastSnapshot(of table: ExportTable) throws -> Int64? {
        try meta("snapshot.\(table.rawValue)").flatMap { Int64($0) }
    }

    /// The number of a data file in the ledger; a new one for a new path.
    /// - Throws: `SQLiteError`.
    package func fileID(ofPath path: String) throws -> Int64 {
        let insert = try connection.prepare("INSERT OR IGNORE INTO data_file (path) VALUES (?1)")
        try insert.bind(path, at: 1)
        try transaction { try insert.run() }
        let row = try connection.prepare("SELECT id FROM data_file WHERE path = ?1")
        try row.bind(path, at: 1)
        guard try row.step() else { throw SQLiteError(code: 1, message: "data_file lost \(path)") }
        return row.int64(0)
    }

    // MARK: Prepare

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
                try statement.bind(row.windowStart, at: 1)
                try statement.bind(row.postcode, at: 2)
                try statement.bind(row.fileID, at: 3)
                try statement.bind(row.position, at: 4)
                try statement.bind(row.count, at: 5)
                try statement.run()
            }
        }
    }

    /// Records an intent, on the disk when this returns. Everything it covers is then on the disk too.
    /// - Returns: false when nothing was recorded, since a segment that it brings was dropped meanwhile.
    /// - Throws: `SQLiteError`; also when the table has an open intent.
    @discardableResult
    package func prepare(_ intent: Intent) throws -> Bool {
        try durably {
            guard try haveSegments(intent.segments) else { return false }
            let row = try connection.prepare("INSERT INTO intent VALUES (?1, ?2, ?3)")
            try row.bind(intent.table.rawValue, at: 1)
            try row.bind(intent.commitID, at: 2)
            try row.bind(Self.json(intent), at: 3)
            try row.run()
            let export = try connection.prepare(
                """
                INSERT INTO export (commit_id, table_name, generation, rows_added, rows_deleted, state)
                VALUES (?1, ?2, ?3, ?4, ?5, 'prepared')
                """)
            try export.bind(intent.commitID, at: 1)
            try export.bind(intent.tableName, at: 2)
            try export.bind(intent.generation, at: 3)
            try export.bind(intent.rowsAdded, at: 4)
            try export.bind(intent.rowsDeleted, at: 5)
            try export.run()
            return true
        }
    }

    private func haveSegments(_ names: [String]) throws -> Bool {
        let row = try connection.prepare("SELECT 1 FROM segment WHERE name = ?1")
        for name in names {
            try row.bind(name, at: 1)
            guard try row.step() else { return false }
            row.reset()
        }
        return true
    }

    // MARK: Settle

    /// Makes a committed intent history: locations take effect, progress moves, exported segments are forgotten.
    /// - Parameters:
    ///   - replaced: the data files that a rewrite replaced; all its rows must have been moved (`moveExported`).
    ///   - snapshotID: the snapshot that holds it, when that is still known.
    ///   - tableRows: the rows of the table in that snapshot, when they are known.
    ///   - now: the wall clock, milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`; nothing was changed then, and it can be called again.
    package func settle(
        _ intent: Intent, forgetting replaced: [String] = [], snapshotID: Int64?, tableRows: Int64? = nil, now: Int64
    ) throws {
        try transaction {
            if intent.table == .counts {
                if !intent.isRewrite { try connection.execute("INSERT OR REPLACE INTO exported SELECT * FROM staged") }
                try connection.execute("DELETE FROM staged")
                try forgetFiles(replaced)
            }
            if !intent.isRewrite { try moveProgress(intent) }
            try forgetSegments(intent.segments)
            try setMeta("epoch.\(intent.table.rawValue)", to: "\(intent.epoch)")
            try setMeta("commit.\(intent.table.rawValue)", to: intent.commitID)
            if let snapshotID { try setMeta("snapshot.\(intent.table.rawValue)", to: "\(snapshotID)") }
            if let tableRows { try setMeta("rows.\(intent.table.rawValue)", to: "\(tableRows)") }
            try closeIntent(intent, state: "committed", snapshotID: snapshotID, at: now)
        }
    }

    private func moveProgress(_ intent: Intent) throws {
        var progress = try exportProgress(of: intent.table)
        progress.generation = intent.generation
        for (partition, span) in intent.offsets { progress.offsets[partition] = span.to }
        let row = try connection.prepare("INSERT OR REPLACE INTO export_progress VALUES (?1, ?2, ?3)")
        try row.bind(intent.table.rawValue, at: 1)
        try row.bind(progress.generation, at: 2)
        try row.bind(Self.json(progress.offsets), at: 3)
        try row.run()
    }

    func forgetSegments(_ names: [String]) throws {
        let row = try connection.prepare("DELETE FROM segment WHERE name = ?1")
        for name in names {
            try row.bind(name, at: 1)
            try row.run()
        }
    }

    private func closeIntent(_ intent: Intent, state: String, snapshotID: Int64?, at now: Int64) throws {
        let gone = try connection.prepare("DELETE FROM intent WHERE commit_id = ?1")
        try gone.bind(intent.commitID, at: 1)
        try gone.run()
        let row = try connection.prepare(
            "UPDATE export SET state = ?2, snapshot_id = ?3, committed_at_ms = ?4 WHERE commit_id = ?1")
        try row.bind(intent.commitID, at: 1)
        try row.bind(state, at: 2)
        try row.bind(snapshotID, at: 3)
        try row.bind(state == "committed" ? now : nil, at: 4)
        try row.run()
    }

    /// Gives up an intent that is not in the table's history. Its files become orphans: a request that is still on its
    /// way could make them part of the table, until another commit has taken its place.
    /// - Parameter kept: those of its files that a later commit will bring under the same names.
    /// - Throws: `SQLiteError`.
    package func abandon(_ intent: Intent, keeping kept: Set<String> = [], now: Int64) throws {
        try transaction {
            try addOrphans(intent.files.filter { !kept.contains($0) }, of: intent.table, now: now)
            if intent.table == .counts { try clearStaged() }
            try closeIntent(intent, state: "abandoned", snapshotID: nil, at: now)
        }
    }

    // MARK: Orphans

    /// Records files that may have to be removed.
    /// - Throws: `SQLiteError`.
    package func addOrphans(_ locations: [String], of table: ExportTable, now: Int64) throws {
        let row = try connection.prepare("INSERT OR IGNORE INTO orphan VALUES (?1, ?2, ?3)")
        try transaction {
            for location in locations {
                try row.bind(location, at: 1)
                try row.bind(table.rawValue, at: 2)
                try row.bind(now, at: 3)
                try row.run()
            }
        }
    }

    /// Files recorded before `since` (milliseconds, exclusive) that no commit of the table can reference any more.
    /// - Throws: `SQLiteError`.
    package func orphans(of table: ExportTable, before since: Int64) throws -> [String] {
        let row = try connection.prepare("SELECT location FROM orphan WHERE table_kind = ?1 AND since_ms < ?2")
        try row.bind(table.rawValue, at: 1)
        try row.bind(since, at: 2)
        var locations: [String] = []
        while try row.step() { locations.append(row.string(0)) }
        return locations
    }

    /// Forgets files that were removed.
    /// - Throws: `SQLiteError`.
    package func forgetOrphans(_ locations: [String]) throws {
        let row = try connection.prepare("DELETE FROM orphan WHERE location = ?1")
        try transaction {
            for location in locations {
                try row.bind(location, at: 1)
                try row.run()
            }
        }
    }

    static func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }
}
