// Fills an empty state from the tables, within one transaction of its connection.
//
// Everything is written in the order of its key as far as it comes so, and indexes of late rows are made when all are there.
// While it is built, a count that the covered snapshot does not have in full has the negative number of its missing events as
// its generation; `writeGenerations` gives every count its own in the end.

import Iceberg
import Parquet
import SQLite
import Store
import Windowing

/// Builds the state.
final class StateBuilder {
    let store: Store
    let tables: RestoreTables
    let windows: WindowSettings
    let seed: UInt64
    let now: Int64
    let say: (String) -> Void
    var partitions: [Int32: RestoredPartition] = [:]
    /// Counted raw rows that are not in the state yet, and how many of them the covered snapshot has.
    var keys: KeyTable
    /// The newest snapshot of the counts table whose offsets are all in the raw table.
    let covered: (snapshot: Snapshot, ends: [Int32: Int64])?
    /// Raw rows below the offsets of `covered`.
    var coveredSums: WindowSums
    var rawRows: Int64 = 0
    let late: RowsStatement
    let counts: RowsStatement
    /// The watermark that the covered snapshot recorded, in milliseconds since the Unix epoch.
    let recordedWatermark: Int64?
    /// The covered snapshot says what the largest event time of each partition was.
    let recordsTimes: Bool

    var connection: Connection { store.connection }
    var windowSeconds: Int64 { windows.windowMilliseconds / 1000 }
    /// Of counts that are in the table as they are here.
    let unchanged: Int64
    /// Of counts that are not.
    let changed: Int64

    init(
        store: Store, tables: RestoreTables, windows: WindowSettings, seed: UInt64, now: Int64,
        say: @escaping (String) -> Void
    ) throws {
        self.store = store
        self.tables = tables
        self.windows = windows
        self.seed = seed
        self.now = now
        self.say = say
        unchanged = tables.counts?.generation ?? 0
        changed = max(unchanged, tables.raw?.generation ?? 0) + 1
        keys = KeyTable(seed: seed)
        covered = tables.covered(by: tables.raw?.history.ends ?? [:])
        coveredSums = WindowSums(seed: seed)
        recordedWatermark = covered?.snapshot.summary[Mark.watermark].flatMap { Int64($0) }
        recordsTimes = covered?.snapshot.summary[Mark.watermarks] != nil
        late = try RowsStatement(
            store.connection,
            """
            INSERT INTO late (kafka_partition, kafka_offset, user_id, postcode, webpage, event_time_us, window_start,
              lateness_ms, received_at_ms, payload, published_at_ms)
            """, row: "(?, ?, ?, ?, ?, ?, ?, ?, ?, x'', ?)", columns: 10)
        counts = try RowsStatement(
            store.connection, "INSERT INTO counts", row: "(?, ?, ?, ?)", columns: 4,
            tail: """
                ON CONFLICT DO UPDATE SET count = count + excluded.count,
                  generation = CASE WHEN min(generation, 0) + min(excluded.generation, 0) < 0
                    THEN min(generation, 0) + min(excluded.generation, 0) ELSE excluded.generation END
                """)
    }

    /// The counts of other windows than the table's would be written beside those that it has.
    private func checkWindow() throws {
        let asked = windows.windowMilliseconds
        guard let counts = tables.counts,
            let made = counts.history.lazy.compactMap({ $0.summary[Mark.window].flatMap { Int64($0) } }).first,
            made != asked
        else { return }
        throw RestoreError.madeWithWindow(table: counts.name, milliseconds: made, askedMilliseconds: asked)
    }

    func build() async throws -> RestoreSummary {
        try checkWindow()
        try numberLateRowsAnew()
        let indexes = try dropIndexes()
        try await readRaw()
        let bounds = try writePartitions()
        let watermark = watermark(bounds)
        try writeLateness(watermark)
        for index in indexes { try connection.execute(index) }
        try await findBackfilled()
        let countRows = try await readLedger()
        try writeGenerations()
        try writeProgress(watermark)
        try writeExports(bounds)
        return RestoreSummary(
            stateID: tables.stateID, generation: unchanged, nextOffsets: bounds.mapValues(\.to), rawRows: rawRows,
            countRows: countRows, lateRows: partitions.values.reduce(0) { $0 + $1.late }, readAgain: readAgain(bounds),
            proof: ProofReport())
    }

    /// Numbers of late rows name records in the late topic, so none may be given twice: those of the lost state were below.
    private func numberLateRowsAnew() throws {
        try connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('late', \(now)), ('rejected', \(now))")
    }

    /// - Returns: the SQL that makes the indexes again.
    private func dropIndexes() throws -> [String] {
        let rows = try connection.prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'late' AND sql IS NOT NULL")
        var found: [(name: String, sql: String)] = []
        while try rows.step() { found.append((rows.string(0), rows.string(1))) }
        rows.reset()
        for index in found { try connection.execute("DROP INDEX \(index.name)") }
        return found.map(\.sql)
    }

    /// Hands out the live rows of a snapshot of the counts table.
    func forEachCount(
        at snapshot: Snapshot?, times: ClosedRange<Int64>? = nil, _ body: (CountsBatch, DataFile) throws -> Void
    ) async throws {
        guard let counts = tables.counts else { return }
        do {
            try await counts.reader.forEach(CountsBatch.self, at: snapshot, times: times, body)
        } catch  where Damage.isDamage(error) && !(error is RestoreError) {
            throw RestoreError.damaged("table \(counts.name): \(error)")
        }
    }
}
