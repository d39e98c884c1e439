// The reasons why a state cannot be restored from the tables.

package import Base

/// Why a restore was refused. No state was made.
package enum RestoreError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The state exists.
    case exists(path: String)
    /// Neither table exists.
    case nothing(tables: String)
    /// A table does not name its state.
    case notOurs(table: String)
    /// The two tables belong to different states.
    case differentStates(counts: String, raw: String)
    /// A table is damaged.
    case damaged(String)
    /// A table has an event or a count twice.
    case twice(table: String, what: String)
    /// The raw table has an offset at or beyond `end`, the end (exclusive) of this program's exports.
    case beyond(table: String, partition: PartitionID, offset: KafkaOffset, end: KafkaOffset)
    /// Counts and raw rows do not agree.
    case disagree(table: String, window: WindowStart, postcode: String, count: Int64, raw: Int64, late: Int64)
    /// The first offset of a partition is not known.
    case unknownStart(table: String, partition: PartitionID)
    /// A table has a window that does not fit the requested length.
    case otherWindow(table: String, window: WindowStart, askedSeconds: Int64)
    /// A table records another window length than the requested one.
    case madeWithWindow(table: String, milliseconds: Int64, askedMilliseconds: Int64)
    /// The proof of the new state found differences.
    case notEqual(String)

    /// One line.
    package var description: String {
        switch self {
        case .exists(let path):
            "\(path) exists; move it away, or give another --state"
        case .nothing(let tables):
            "no table to restore from in \(tables); `pageviews ingest` starts a new state"
        case .notOurs(let table):
            "table \(table) does not say which state it belongs to: it was not made by this program, or its properties "
                + "were removed; a state cannot be restored from it"
        case .differentStates(let counts, let raw):
            "the counts table belongs to state \(counts), the raw table to state \(raw); give the tables of one state"
        case .damaged(let reason):
            "\(reason); a state cannot be restored without all rows"
        case .twice(let table, let what):
            "table \(table) has \(what) twice; a state cannot be restored from it"
        case .beyond(let table, let partition, let offset, let end):
            "table \(table) has a row of partition \(partition), offset \(offset), but its snapshots end at \(end): "
                + "another program wrote it; a state cannot be restored from it"
        case .disagree(let table, let window, let postcode, let count, let raw, let late):
            "table \(table) counts \(count) views of \(postcode) in the window at \(window.seconds) (seconds since "
                + "1970), the raw table has \(raw) and \(late) late: rows are missing in one of them, or --window is "
                + "not what it was"
        case .unknownStart(let table, let partition):
            "table \(table): the snapshots that say where partition \(partition) begins have expired, and there are no "
                + "raw rows of it"
        case .otherWindow(let table, let window, let asked):
            "table \(table) has a window at \(window.seconds) (seconds since 1970), which is not a multiple of "
                + "\(asked) s; give its --window"
        case .madeWithWindow(let table, let milliseconds, let asked):
            "table \(table) was made with --window \(milliseconds / 1000)s, not \(asked / 1000)s; give its --window"
        case .notEqual(let differences):
            "the state that was built does not prove equal and was not kept: \(differences)"
        }
    }
}
