// The SQL of a backfill. Cursors read the counts and late rows of one key after another, ascending.

import Base
import SQLite

/// The statements of a backfill, for one transaction.
final class BackfillStatements {
    private let counts: KeyCursor
    private let lateRows: KeyCursor
    private let windowRow: Statement
    private let setRow: Statement
    private let markRows: Statement
    private let locateRow: Statement

    package init(_ connection: Connection) throws {
        counts = try KeyCursor(connection, columns: "count", of: "counts")
        // The index contains all these columns, so SQLite does not read the rows with their payloads.
        lateRows = try KeyCursor(
            connection, columns: "kafka_partition, kafka_offset, backfilled_at_ms IS NOT NULL",
            of: "late INDEXED BY late_by_window")
        windowRow = try connection.prepare("SELECT generation FROM windows WHERE window_start = ?1")
        setRow = try connection.prepare(
            """
            INSERT INTO counts VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET count = excluded.count, generation = excluded.generation
            """)
        markRows = try connection.prepare(
            """
            UPDATE late SET backfilled_at_ms = ?3, backfill_snapshot_id = ?4
            WHERE window_start = ?1 AND postcode = ?2 AND backfilled_at_ms IS NULL
            """)
        locateRow = try connection.prepare("INSERT OR REPLACE INTO exported VALUES (?1, ?2, ?3, ?4, ?5)")
    }

    /// Resets the cursors. To be called before the first write.
    func finishReading() {
        counts.reset()
        lateRows.reset()
    }

    /// The count of a key; nil when the state has none.
    package func count(_ key: BackfillKey) throws -> Int64? {
        try Self.find(counts, key) ? counts.row.int64(2) : nil
    }

    private static func find(_ cursor: KeyCursor, _ key: BackfillKey) throws -> Bool {
        var postcode = key.postcode
        return try postcode.withUTF8 {
            try cursor.find(window: key.windowStart, postcode: UnsafeRawBufferPointer($0))
        }
    }

    /// The generation in which a window last changed; nil when the state does not have the window.
    package func generation(of window: WindowStart) throws -> Generation? {
        var row = Parameters(windowRow)
        windowRow.reset()
        try row.add(window)
        defer { windowRow.reset() }
        return try windowRow.step() ? windowRow.generation(0) : nil
    }

    /// The late events of a key.
    /// - Parameter bounds: the ends (exclusive) up to which the raw table must have them, by partition.
    package func late(_ key: BackfillKey, bounds: [PartitionID: KafkaOffset]) throws -> LateSum {
        var sum = LateSum()
        var isOfKey = try Self.find(lateRows, key)
        while isOfKey {
            let row = lateRows.row
            let isBelow = row.offset(3) < bounds[row.partition(2)] ?? 0
            if isBelow { sum.below += 1 } else { sum.above += 1 }
            sum.backfilled += row.int64(4)
            isOfKey = try lateRows.next()
        }
        return sum
    }

    /// Writes a count.
    package func set(_ change: BackfillChange, generation: Generation) throws {
        var row = Parameters(setRow)
        try row.add(change.windowStart)
        try row.add(change.postcode)
        try row.add(change.new)
        try row.add(generation)
        try row.run()
    }

    /// Marks the late events of a key as backfilled.
    package func mark(_ key: BackfillKey, snapshotID: Int64?, now: Int64) throws {
        var row = Parameters(markRows)
        try row.add(key.windowStart)
        try row.add(key.postcode)
        try row.add(now)
        try row.add(snapshotID)
        try row.run()
    }

    /// Writes the location of an exported row.
    package func locate(_ place: RowLocation) throws {
        try locateRow.run(place.windowStart.seconds, place.postcode, place.fileID, place.position, place.count)
    }
}
