// The errors of exports other than those of storage and catalogs. Each message names the table and the remedy.

/// An export that cannot continue without an operator, or not now.
package enum TableError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The table existed and no longer does.
    case tableGone(table: String, catalog: String)
    /// The table's columns have changed so that rows cannot be written.
    case otherSchema(table: String, expected: String, found: String, obstacle: String)
    /// Under the table's partition spec, the rows of a day are in several partitions.
    case otherPartitions(table: String, spec: String, specID: Int)
    /// The object store cannot exclude concurrent writers.
    case unsafeStore(String)
    /// The table has data that this program did not write.
    case notOurs(table: String)
    /// The table belongs to another state.
    case otherState(table: String, recorded: String, ours: String)
    /// Another copy of this state commits to the table.
    case fenced(table: String, tableEpoch: Int64, ours: Int64)
    /// The table's newest commit of this program is not one of this state's.
    case unknownCommit(table: String, snapshot: Int64)
    /// The table lacks commits of this state.
    case wentBack(table: String, tableEpoch: Int64, ours: Int64)
    /// The table was rolled back to a snapshot from before this state's last commit.
    case rolledBack(table: String, current: Int64?, last: Int64?)
    /// Another writer replaced files whose rows this state still changes.
    case rewritten(table: String, file: String)
    /// Another writer moved or deleted rows that this state is about to change.
    case rowsMoved(table: String, file: String, rows: Int)
    /// The table no longer has rows that this state exported.
    case rowsMissing(table: String, file: String, rows: Int64)
    /// The state has another number of rows for a commit to delete than the commit was prepared with.
    case otherRowsStaged(table: String, staged: Int64, prepared: Int64)
    /// A local file that waits for export is missing.
    case spoolFileMissing(path: String, table: String)
    /// Other writers committed first in every attempt.
    case contended(table: String, tries: Int, reason: String)
    /// The outcome of a commit is not known.
    case unknownOutcome(table: String, reason: String)

    /// Whether another state, or another copy of this one, exports to the table. This process must then stop exporting.
    package var isForeign: Bool {
        switch self {
        case .otherState, .fenced, .unknownCommit: true
        default: false
        }
    }

    /// Whether the table does not match the state. Exports to it stop until an operator follows the message, and a
    /// service refuses to start.
    package var isTableChanged: Bool {
        switch self {
        case .otherSchema, .otherPartitions, .notOurs, .otherState, .fenced, .unknownCommit, .wentBack, .rolledBack,
            .rewritten, .rowsMoved, .otherRowsStaged, .tableGone:
            true
        case .rowsMissing, .unsafeStore, .spoolFileMissing, .contended, .unknownOutcome: false
        }
    }

    /// Whether a local file is missing that the service can write again.
    package var isSpoolFileMissing: Bool {
        if case .spoolFileMissing = self { return true }
        return false
    }

    /// Whether the object store cannot exclude concurrent writers, which is a configuration error.
    package var isUnsafe: Bool {
        if case .unsafeStore = self { return true }
        return false
    }

    /// Whether the catalog's answer leaves open if the commit succeeds.
    package var isUnsettled: Bool {
        switch self {
        case .contended, .unknownOutcome: true
        default: false
        }
    }

    /// One line: what failed, on which table, and what to do.
    package var description: String {
        switch self {
        case .tableGone(let table, let catalog):
            "table \(table) is no longer in \(catalog); bring it back, or start a new --state and --namespace"
        case .otherSchema(let table, let expected, let found, let obstacle):
            "table \(table) has columns \(found), not \(expected) (\(obstacle)); undo that in the engine that changed it, or "
                + "give another table name or namespace"
        case .otherPartitions(let table, let spec, let specID):
            "table \(table) is now partitioned by \(spec) (spec \(specID)), which puts a day's rows into several "
                + "partitions; in the engine that changed it, partition by day, month or year of timestamp, "
                + "or give another table name or namespace"
        case .unsafeStore(let reason): reason
        case .notOurs(let table):
            "table \(table) holds data that this program did not write; give another table name or namespace"
        case .otherState(let table, let recorded, let ours):
            "table \(table) belongs to state \(recorded), this one is \(ours); use that state (`pageviews restore` rebuilds it "
                + "where it is lost), or another namespace"
        case .fenced(let table, let tableEpoch, let ours):
            "table \(table) was committed to by another copy of this state (epoch \(tableEpoch), ours \(ours)); "
                + "only one copy may export: stop this one, or, if it is a backup, rebuild the state with `pageviews restore`"
        case .unknownCommit(let table, let snapshot):
            "table \(table) has a commit that this state did not make (snapshot \(snapshot)): another writer goes on with "
                + "this state's tables, or a rollback was undone after a restore. Stop that writer, then move the state away "
                + "and rebuild it with `pageviews restore`"
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
                + "The exporter leaves the file unchanged; let no other program change this table"
        case .otherRowsStaged(let table, let staged, let prepared):
            "table \(table): the state has \(staged) rows for the next commit to delete, which was prepared with \(prepared); "
                + "nothing was committed. Move the state away and rebuild it with `pageviews restore`"
        case .spoolFileMissing(let path, let table):
            "table \(table): the local file \(path) that waits for export is gone; the service re-reads its rows from "
                + "Kafka or the state; restore the file if Kafka no longer has them"
        case .contended(let table, let tries, let reason):
            "table \(table): another writer was first \(tries) times in a row (\(reason)); the exporter retries later"
        case .unknownOutcome(let table, let reason):
            "table \(table): it is not known whether a commit was applied (\(reason)); the exporter checks again later"
        }
    }
}
