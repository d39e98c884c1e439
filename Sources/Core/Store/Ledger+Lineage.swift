// What the ledger knows of a table's history, to be held against the table before every commit: other writers may have
// set it back, replaced our last commit, or moved our rows.

/// A table as this state left it.
package struct LedgerPosition: Equatable, Sendable {
    /// The epoch after the last settled commit; 0: nothing was exported.
    package var epoch: Int64 = 0
    /// The id of the last settled commit; nil when it is not known (a state of an older version, or a restored one).
    package var commitID: String?
    /// The snapshot of the last settled commit, or that at which the state was restored.
    package var snapshotID: Int64?
    /// How far the table was brought.
    package var progress = ExportProgress(generation: 0, offsets: [:])
    /// The rows of the table after the last settled commit; nil when it is not known.
    package var rows: Int64?
    /// The id of a commit that was prepared and not settled.
    package var openCommitID: String?

    /// A table that nothing was exported to.
    package init() {}
}

extension Store {
    /// What the ledger knows of a table.
    /// - Throws: `SQLiteError`.
    package func position(of table: ExportTable) throws -> LedgerPosition {
        var position = LedgerPosition()
        position.epoch = try epoch(of: table)
        position.commitID = try meta("commit.\(table.rawValue)")
        position.snapshotID = try lastSnapshot(of: table)
        position.progress = try exportProgress(of: table)
        position.rows = try meta("rows.\(table.rawValue)").flatMap { Int64($0) }
        position.openCommitID = try intent(of: table)?.commitID
        return position
    }

    /// Whether another writer committed to a table since this state began to export to it. Its rows may then no longer
    /// be where the ledger has them.
    /// - Throws: `SQLiteError`.
    package func hasForeignCommits(_ table: ExportTable) throws -> Bool { try meta("foreign.\(table.rawValue)") != nil }

    /// Notes that another writer committed to a table.
    /// - Throws: `SQLiteError`.
    package func noteForeignCommits(_ table: ExportTable) throws {
        try transaction { try setMeta("foreign.\(table.rawValue)", to: "1") }
    }
}
