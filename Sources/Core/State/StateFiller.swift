// Fills an empty state from the tables for `restore`: many rows, in one transaction, without a journal.
//
// The number of events that the counts table lacks in a count is stored in a database file beside the state until
// `finish`. It is not a temporary database, because SQLite may keep that in memory.
//
// The file is a valid state only after `finish` has returned; until then no other connection may open it.

package import Base
import Glibc
import SQLite

/// A count from the raw rows. The bytes of the postcode are valid only during the call that receives it.
package struct RestoredCount {
    /// The window's start.
    package let window: WindowStart
    /// The postcode.
    package let postcode: UnsafeRawBufferPointer
    /// Events to add to the count.
    package let count: Int64
    /// The events among them that the counts table does not have; 0 to `count`.
    package let missing: Int64
    /// The generation of the count, unless `setGeneration` changes it.
    package let generation: Generation

    /// A count from its parts.
    package init(
        window: WindowStart, postcode: UnsafeRawBufferPointer, count: Int64, missing: Int64, generation: Generation
    ) {
        (self.window, self.postcode, self.count) = (window, postcode, count)
        (self.missing, self.generation) = (missing, generation)
    }
}

/// A late event from its raw row. The bytes are valid only during the call that receives it.
package struct RestoredLateEvent {
    /// The record's partition.
    package var partition: PartitionID
    /// The record's offset.
    package var offset: KafkaOffset
    /// The user, where the event names one.
    package var userID: Int64?
    /// The postcode.
    package var postcode: UnsafeRawBufferPointer
    /// The page, where the event names one.
    package var webpage: UnsafeRawBufferPointer?
    /// The event time.
    package var eventTime: EventTime
    /// The window's start.
    package var windowStart: WindowStart
    /// The distance of the event time from the watermark, in milliseconds.
    package var latenessMilliseconds: Int64
    /// The latest time at which the event can have arrived and been published, in milliseconds since the Unix epoch.
    package var receivedAt: Int64

    /// An event from its parts.
    package init(
        partition: PartitionID, offset: KafkaOffset, userID: Int64?, postcode: UnsafeRawBufferPointer,
        webpage: UnsafeRawBufferPointer?, eventTime: EventTime, windowStart: WindowStart, latenessMilliseconds: Int64,
        receivedAt: Int64
    ) {
        (self.partition, self.offset, self.userID, self.postcode) = (partition, offset, userID, postcode)
        (self.webpage, self.eventTime, self.windowStart) = (webpage, eventTime, windowStart)
        (self.latenessMilliseconds, self.receivedAt) = (latenessMilliseconds, receivedAt)
    }
}

/// A row of the counts table. The bytes are valid only during the call that receives it.
package struct RestoredRow {
    /// The window's start.
    package let window: WindowStart
    /// The postcode.
    package let postcode: UnsafeRawBufferPointer
    /// The row's file, by its number in the ledger.
    package let fileID: Int64
    /// The row's position in the file, from 0.
    package let position: Int64
    /// The count in the table.
    package let count: Int64

    /// A row from its parts.
    package init(window: WindowStart, postcode: UnsafeRawBufferPointer, fileID: Int64, position: Int64, count: Int64) {
        (self.window, self.postcode, self.fileID) = (window, postcode, fileID)
        (self.position, self.count) = (position, count)
    }
}

/// The filler of one state.
package final class StateFiller {
    /// The state. Its typed reads and writes take part in the filler's transaction.
    package let store: Store
    /// The suffix of the file of missing events, after the state's name.
    package static let suffix = ".missing"
    private let aside: String
    private let connection: Connection
    private let counts: RowsStatement
    private let missing: Statement
    private let late: RowsStatement
    private let exported: RowsStatement
    private let rejected: Statement
    private let generations: Statement
    private let lateOfKey: Statement
    private let markOfKey: Statement
    private var indexes: [String] = []

    /// Begins to fill a new state.
    /// - Parameter firstNumber: late and rejected rows get higher numbers. It should be at least the highest number of the
    ///   lost state, so that a number names one record in the late topic; nothing is lost where it is not (`markFound`).
    /// - Throws: `SQLiteError`.
    package init(_ store: Store, numbersAbove firstNumber: Int64) throws {
        self.store = store
        connection = store.connection
        try connection.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768")
        aside = store.path + Self.suffix
        unlink(aside)
        StatePath.createPrivate(aside)
        try connection.run("ATTACH DATABASE ?1 AS aside", aside)
        try connection.execute("PRAGMA aside.journal_mode = OFF; PRAGMA aside.synchronous = OFF")
        try connection.execute("BEGIN IMMEDIATE")
        try connection.execute(
            """
            CREATE TABLE aside.missing (window_start INTEGER NOT NULL, postcode TEXT NOT NULL, count INTEGER NOT NULL,
              PRIMARY KEY (window_start, postcode)) WITHOUT ROWID
            """)
        for log in [EventLog.late, .rejected] {
            try connection.run("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", log.rawValue, firstNumber)
        }
        counts = try RowsStatement(
            connection, "INSERT INTO counts", row: "(?, ?, ?, ?)", columns: 4,
            tail: "ON CONFLICT DO UPDATE SET count = count + excluded.count, generation = excluded.generation")
        missing = try connection.prepare(
            "INSERT INTO aside.missing VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            persistent: true)
        late = try RowsStatement(
            connection,
            """
            INSERT INTO late (kafka_partition, kafka_offset, user_id, postcode, webpage, event_time_us, window_start,
              lateness_ms, received_at_ms, payload, published_at_ms)
            """, row: "(?, ?, ?, ?, ?, ?, ?, ?, ?, x'', ?)", columns: 10)
        exported = try RowsStatement(connection, "INSERT OR IGNORE INTO exported", row: "(?, ?, ?, ?, ?)", columns: 5)
        rejected = try connection.prepare(
            """
            INSERT INTO rejected (kafka_partition, kafka_offset, reason, byte_position, excerpt, received_at_ms)
            VALUES (?1, ?2, 'restored: the raw table has no event of this offset', 0, '', ?3)
            """, persistent: true)
        generations = try connection.prepare(
            "INSERT INTO counts VALUES (?1, ?2, 0, ?3) ON CONFLICT DO UPDATE SET generation = excluded.generation",
            persistent: true)
        lateOfKey = try connection.prepare(
            "SELECT count(*) FROM late WHERE window_start = ?1 AND postcode = ?2", persistent: true)
        markOfKey = try connection.prepare(
            """
            UPDATE late SET backfilled_at_ms = ?4 WHERE id IN (
              SELECT id FROM late WHERE window_start = ?1 AND postcode = ?2
              ORDER BY kafka_partition, kafka_offset LIMIT ?3)
            """, persistent: true)
    }

    /// Commits the transaction, removes the file of missing events and makes the state durable.
    /// - Throws: `SQLiteError`.
    package func finish() throws {
        try connection.execute("COMMIT; DETACH DATABASE aside; PRAGMA journal_mode = WAL")
        unlink(aside)
        try store.checkpointFully()
    }

    // MARK: Rows

    /// Adds counts. Ascending order of keys is the cheapest.
    /// - Parameters:
    ///   - rows: the number of rows.
    ///   - row: passes the row of a number from 0 to `rows` (exclusive) to its second argument.
    /// - Throws: `SQLiteError`, and the errors of `row`.
    package func addCounts(rows: Int, _ row: (Int, (RestoredCount) throws -> Void) throws -> Void) throws {
        try counts.write(rows: rows) { number, statement, before in
            try row(number) { count in
                assert(0 <= count.missing && count.missing <= count.count, "missing events are part of the count")
                var values = Parameters(statement, after: before)
                try values.add(count.window)
                try values.add(text: count.postcode)
                try values.add(count.count)
                try values.add(count.generation)
                if count.missing > 0 { try missing.run(count.window.seconds, TextBytes(count.postcode), count.missing) }
            }
        }
    }

    /// Adds late events. The parameters are those of `addCounts`.
    /// - Throws: `SQLiteError`, and the errors of `row`.
    package func addLate(rows: Int, _ row: (Int, (RestoredLateEvent) throws -> Void) throws -> Void) throws {
        try late.write(rows: rows) { number, statement, before in
            try row(number) { event in
                var values = Parameters(statement, after: before)
                try values.add(event.partition)
                try values.add(event.offset)
                try values.add(event.userID)
                try values.add(text: event.postcode)
                try values.add(text: event.webpage)
                try values.add(event.eventTime.rawValue)
                try values.add(event.windowStart)
                try values.add(event.latenessMilliseconds)
                try values.add(event.receivedAt)
                try values.add(event.receivedAt)
            }
        }
    }

    /// Adds exported rows. The parameters are those of `addCounts`.
    /// - Returns: a range of rows that contains one whose key exists already; nil when all keys are new.
    /// - Throws: `SQLiteError`, and the errors of `row`.
    package func addExported(
        rows: Int, _ row: (Int, (RestoredRow) throws -> Void) throws -> Void
    ) throws -> Range<Int>? {
        var doubled: Range<Int>?
        try exported.write(rows: rows) { number, statement, before in
            try row(number) { row in
                var values = Parameters(statement, after: before)
                try values.add(row.window)
                try values.add(text: row.postcode)
                try values.add(row.fileID)
                try values.add(row.position)
                try values.add(row.count)
            }
        } written: { written in
            if connection.changes != Int64(written.count), doubled == nil { doubled = written }
        }
        return doubled
    }

    /// Adds an offset without an event as a rejected message.
    /// - Throws: `SQLiteError`.
    package func addRejected(partition: PartitionID, offset: KafkaOffset, now: Int64) throws {
        try rejected.run(partition.rawValue, offset.rawValue, now)
    }

    // MARK: Late events

    /// Drops the indexes of late events until `makeLateIndexes`, because inserting is faster without them.
    /// - Throws: `SQLiteError`.
    package func dropLateIndexes() throws {
        let found = try connection.all(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'late' AND sql IS NOT NULL"
        ) { (name: $0.string(0), sql: $0.string(1)) }
        for index in found { try connection.execute("DROP INDEX \(index.name)") }
        indexes = found.map(\.sql)
    }

    /// Creates the dropped indexes of late events.
    /// - Throws: `SQLiteError`.
    package func makeLateIndexes() throws {
        for sql in indexes { try connection.execute(sql) }
        indexes = []
    }

    /// Sets the lateness of each late event from a watermark.
    /// - Throws: `SQLiteError`.
    package func setLateness(at watermark: EventTime) throws {
        try connection.run("UPDATE late SET lateness_ms = max(0, ?1 - event_time_us / 1000)", watermark.milliseconds)
    }

    /// The number of late events of a key.
    /// - Throws: `SQLiteError`.
    package func numberOfLate(window: WindowStart, postcode: UnsafeRawBufferPointer) throws -> Int64 {
        try lateOfKey.first(window.seconds, TextBytes(postcode)) { $0.int64(0) } ?? 0
    }

    /// Marks the first `number` late events of a key as added to their count.
    /// - Throws: `SQLiteError`.
    package func markBackfilled(window: WindowStart, postcode: UnsafeRawBufferPointer, number: Int64, now: Int64) throws
    {
        try markOfKey.run(window.seconds, TextBytes(postcode), number, now)
    }

    // MARK: Counts

    /// Calls `body` for each count of one window, without the events that the counts table does not have. The bytes of
    /// the postcode are valid only within `body`.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachCovered(
        inWindow start: WindowStart, _ body: (_ postcode: UnsafeRawBufferPointer, _ count: Int64) throws -> Void
    ) throws {
        try connection.forEach(
            """
            SELECT c.postcode, c.count - coalesce(m.count, 0) FROM counts AS c
            LEFT JOIN aside.missing AS m ON m.window_start = c.window_start AND m.postcode = c.postcode
            WHERE c.window_start = ?1
            """, start.seconds
        ) { row in try row.withText(0) { try body($0, row.int64(1)) } }
    }

    /// Whether the exported row of a key is at this location.
    /// - Throws: `SQLiteError`.
    package func isExported(
        window: WindowStart, postcode: UnsafeRawBufferPointer, fileID: Int64, position: Int64
    ) throws -> Bool {
        try connection.first(
            "SELECT 1 FROM exported WHERE window_start = ?1 AND postcode = ?2 AND file_id = ?3 AND position = ?4",
            window.seconds, TextBytes(postcode), fileID, position
        ) { _ in true } ?? false
    }

    /// A comparison of counts with exported rows, from a key (inclusive) on.
    /// - Throws: `SQLiteError`.
    package func merge(from start: LedgerMerge.Key, unchanged: Generation, changed: Generation) throws -> LedgerMerge {
        try LedgerMerge(connection, from: start, unchanged: unchanged, changed: changed)
    }

    /// Sets the generation of a count. Inserts a count of 0 when the state does not have it.
    /// - Throws: `SQLiteError`.
    package func setGeneration(_ generation: Generation, of key: LedgerMerge.Key) throws {
        try key.postcode.withUnsafeBytes { try generations.run(key.window.seconds, TextBytes($0), generation.rawValue) }
    }

    /// Inserts the rows of the windows that have counts.
    /// - Throws: `SQLiteError`.
    package func makeWindows() throws {
        try connection.execute(
            """
            INSERT INTO windows SELECT window_start, strftime('%Y-%m-%dT%H:%M:%SZ', window_start, 'unixepoch'),
              max(generation) FROM counts GROUP BY window_start
            """)
    }

    // MARK: Progress

    /// Sets the progress of a partition.
    /// - Throws: `SQLiteError`.
    package func setPartition(_ partition: PartitionProgress) throws { try store.write(partition) }

    /// Sets the generation and the watermark.
    /// - Parameter now: the wall clock, in milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`.
    package func setProgress(generation: Generation, watermark: EventTime?, finalBefore: WindowStart, now: Int64) throws
    {
        try store.writeProgress(generation: generation, watermark: watermark, finalBefore: finalBefore, now: now)
    }

    /// Sets the position of a table. Without a snapshot it has no progress.
    /// - Throws: `SQLiteError`.
    package func setExport(of table: ExportTable, to position: LedgerPosition) throws {
        assert(position.openCommitID == nil, "a restored state has no open commit")
        try store.setMeta(.epoch(table), to: "\(position.epoch)")
        guard let snapshotID = position.snapshotID else { return }
        try store.setMeta(.snapshot(table), to: "\(snapshotID)")
        if let commitID = position.commitID { try store.setMeta(.commit(table), to: commitID) }
        if let rows = position.rows { try store.setMeta(.rows(table), to: "\(rows)") }
        try store.setExportProgress(of: table, to: position.progress)
    }

    /// Sets the raw offset of each partition.
    /// - Throws: `SQLiteError`.
    package func setRawOffsets(_ offsets: [PartitionID: KafkaOffset]) throws { try store.setRawOffsets(offsets) }
}
