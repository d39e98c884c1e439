// Why an export stopped, besides what storage and catalogs say themselves.

/// An export that cannot go on without help, or not now.
package enum TableError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The table was there and is gone.
    case tableGone(table: String, catalog: String)
    /// The table has other columns.
    case otherSchema(table: String, expected: String, found: String, obstacle: String)
    /// The table's partition spec has no value that all rows of a day share.
    case otherPartitions(table: String, spec: String, specID: Int)
    /// The store beneath the tables does not keep two writers apart.
    case unsafeStore(String)
    /// The table holds data that no state of ours wrote.
    case notOurs(table: String)
    /// The table belongs to another state.
    case otherState(table: String, recorded: String, ours: String)
    /// Somebody else commits with this state's identity.
    case fenced(table: String, tableEpoch: Int64, ours: Int64)
    /// The table does not have what this state exported to it.
    case wentBack(table: String, tableEpoch: Int64, ours: Int64)
    /// The table was set back to a snapshot from before this state's last commit.
    case rolledBack(table: String, current: Int64?, last: Int64?)
    /// Another writer replaced files whose rows this state still changes.
    case rewritten(table: String, file: String)
    /// Another writer moved or deleted rows that this state is about to change.
    case rowsMoved(table: String, file: String, rows: Int)
    /// The table no longer has rows that this state exported.
    case rowsMissing(table: String, file: String, rows: Int64)
    /// A local file that waits for export is gone.
    case spoolFileMissing(path: String, table: String)
    /// The commit met another writer again and again.
    case contended(table: String, tries: Int, reason: String)
    /// The outcome of a commit is not known yet.
    case unknownOutcome(table: String, reason: String)

    /// Another state, or another copy of this one, exports to the table: this process must not go on.
    package var isForeign: Bool {
        switch self {
        case .otherState, .fenced: true
        default: false
        }
    }

    /// A table is not, or no longer, what the state says: exports of it stop until somebody does what the line says. A
    /// start does not begin to count.
    package var isTableChanged: Bool {
        switch self {
        case .otherSchema, .otherPartitions, .notOurs, .otherState, .fenced, .wentBack, .rolledBack, .rewritten,
            .rowsMoved,
            .tableGone:
            true
        case .rowsMissing, .unsafeStore, .spoolFileMissing, .contended, .unknownOutcome: false
        }
    }

    /// A local file is gone, which can be written again.
    package var isSpoolFileMissing: Bool {
        if case .spoolFileMissing = self { return true }
        return false
    }

    /// The warehouse does not keep two writers apart: wrong configuration.
    package var isUnsafe: Bool {
        if case .unsafeStore = self { return true }
        return false
    }

    /// The catalog answered, but not in a way that says whether the commit is there.
    package var isUnsettled: Bool {
        switch self {
        case .contended, .unknownOutcome: true
        default: false
        }
    }

    /// One line: what failed, on which table, what to do.
    package var description: String {
        switch self {
        case .tableGone(let table, let catalog):
            "table \(table) is no longer in \(catalog); bring it back, or start a new --state and --namespace"
        case .otherSchema(let table, let expected, let found, let obstacle):
            "table \(table) has columns \(found), not \(expected) (\(obstacle)); undo that in the engine that changed it, or "
                + "give another table name or namespace"
        case .otherPartitions(let table, let spec, let specID):
            "table \(table) is partitioned by \(spec) now (spec \(specID)), of which a day's rows do not have one value; replace "
                + "that in the engine that changed it by day, month or year of timestamp, or give another table name or namespace"
        case .unsafeStore(let reason): reason
        case .notOurs(let table):
            "table \(table) holds data that this program did not write; give another table name or namespace"
        case .otherState(let table, let recorded, let ours):
            "table \(table) belongs to state \(recorded), this one is \(ours); use that state (`pageviews restore` rebuilds it "
                + "where it is lost), or another namespace"
        case .fenced(let table, let tableEpoch, let ours):
            "table \(table) was committed to by another copy of this state (epoch \(tableEpoch), ours \(ours)); "
                + "only one copy may export: stop this one, or, if it is a backup, rebuild the state with `pageviews restore`"
        case .wentBack(let table, let tableEpoch, let ours):
            "table \(table) lacks commits of this state (epoch \(tableEpoch), ours \(ours)): it was created again or rolled back; "
                + "bring it back, or start a new --state and --namespace"
        case .rolledBack(let table, let current, let last):
            "table \(table) was rolled back to \(current.map { "snapshot \($0)" } ?? "no snapshot at all"), which lacks what this "
                + "state exported; undo the rollback in the other engine\(last.map { " (set it to snapshot \($0) again)" } ?? ""), "
                + "or move the state away and rebuild it with `pageviews restore`"
        case .rewritten(let table, let file):
            "table \(table): another writer replaced \(file), whose rows still change here; exports of it stop. Roll that change "
                + "back in the other engine, or move the state away and rebuild it with `pageviews restore`; let no other "
                + "program compact this table"
        case .rowsMoved(let table, let file, let rows):
            "table \(table): another writer moved or deleted \(rows) \(rows == 1 ? "row" : "rows") of \(file) that still change "
                + "here (UPDATE, MERGE or DELETE); exports of it stop. Roll that change back in the other engine, or move the "
                + "state away and rebuild it with `pageviews restore`"
        case .rowsMissing(let table, let file, let rows):
            "table \(table): \(rows) rows that this state exported are no longer in \(file); another writer deleted them. "
                + "The file is left as it is; let no other program change this table"
        case .spoolFileMissing(let path, let table):
            "table \(table): the local file \(path) that waits for export is gone; its rows are read again from Kafka, or "
                + "from the state; bring it back where Kafka no longer has them"
        case .contended(let table, let tries, let reason):
            "table \(table): another writer was first \(tries) times in a row (\(reason)); trying again later"
        case .unknownOutcome(let table, let reason):
            "table \(table): it is not known whether a commit was applied (\(reason)); looking again later"
        }
    }
}
