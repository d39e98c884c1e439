// Why a state cannot be made from the tables.

package import Base

/// A restore that was refused; no state was made.
package enum RestoreError: Error, CustomStringConvertible, Equatable, Sendable {
    /// There is a state already.
    case exists(path: String)
    /// Neither table holds anything.
    case nothing(tables: String)
    /// A table was not made by this program.
    case notOurs(table: String)
    /// The two tables belong to different states.
    case differentStates(counts: String, raw: String)
    /// A file of a table cannot be read.
    case damaged(String)
    /// A raw event, or a count, is there twice.
    case twice(table: String, what: String)
    /// A raw row of an offset that no export of ours can have written.
    case beyond(table: String, partition: PartitionID, offset: KafkaOffset, end: KafkaOffset)
    /// Counts and raw rows do not agree.
    case disagree(table: String, window: WindowStart, postcode: String, count: Int64, raw: Int64, late: Int64)
    /// It is not known where a partition begins.
    case unknownStart(table: String, partition: PartitionID)
    /// The windows of the tables have another length.
    case otherWindow(table: String, window: WindowStart, askedSeconds: Int64)
    /// The table was made with windows of another length.
    case madeWithWindow(table: String, milliseconds: Int64, askedMilliseconds: Int64)
    /// What was built is not right.
    case notEqual(String)

    /// One line.
    package var description: String {
        switch self {
        case .exists(let path):
            "\(path) exists; move it away, or give another --state"
        case .nothing(let tables):
            "there is nothing to restore from in \(tables); `pageviews ingest` begins a new state"
        case .notOurs(let table):
            "table \(table) does not say which state it belongs to: it was not made by this program, or its properties were "
                + "removed; a state cannot be restored from it"
        case .differentStates(let counts, let raw):
            "the counts table belongs to state \(counts), the raw table to state \(raw); give the tables of one state"
        case .damaged(let reason):
            "\(reason); a state cannot be restored without all rows"
        case .twice(let table, let what):
            "table \(table) has \(what) twice; a state cannot be restored from it"
        case .beyond(let table, let partition, let offset, let end):
            "table \(table) has a row of partition \(partition), offset \(offset), but its snapshots end at \(end): another program "
                + "wrote it; a state cannot be restored from it"
        case .disagree(let table, let window, let postcode, let count, let raw, let late):
            "table \(table) counts \(count) views of \(postcode) in the window at \(window.seconds) (seconds since 1970), the raw table has "
                + "\(raw) and \(late) late: rows are missing in one of them, or --window is not what it was"
        case .unknownStart(let table, let partition):
            "table \(table): the snapshots that say where partition \(partition) begins have expired, and there are no raw rows of it"
        case .otherWindow(let table, let window, let asked):
            "table \(table) has a window at \(window.seconds) (seconds since 1970), which is no multiple of \(asked) s; give its --window"
        case .madeWithWindow(let table, let milliseconds, let asked):
            "table \(table) was made with --window \(milliseconds / 1000)s, not \(asked / 1000)s; give its --window"
        case .notEqual(let differences):
            "the state that was built does not prove equal and was not kept: \(differences)"
        }
    }
}
