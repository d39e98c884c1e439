// Fills an empty state from the tables, within one transaction of its connection.
//
// Writes rows in key order where the input allows, and creates the indexes of late events after all rows.
// `writeGenerations` sets the generation of every count after all counts are written.

import Base
import TableScan
import Tables
import Iceberg
import Parquet
import State
import Windowing

/// Builds the state.
final class StateBuilder {
    package let store: Store
    package let tables: RestoreTables
    package let windows: WindowSettings
    package let seed: UInt64
    package let now: Int64
    package let say: (String) -> Void
    package var partitions: [PartitionID: RestoredPartition] = [:]
    /// Counted raw rows that are not in the state yet, and as the second counter those that the covered snapshot has.
    package var keys: KeyTable
    /// The newest snapshot of the counts table whose offsets are all in the raw table; nil when there is none.
    package let covered: (snapshot: Snapshot, ends: [PartitionID: KafkaOffset])?
    /// Sums of the raw rows in time below the offsets of `covered`.
    var coveredSums: WindowSums
    package var rawRows: Int64 = 0
    let filler: StateFiller
    /// The watermark that the covered snapshot recorded.
    let recordedWatermark: EventTime?
    /// The covered snapshot records the largest event time of each partition.
    let recordsTimes: Bool

    package var windowSeconds: Int64 { windows.windowMilliseconds / 1000 }
    /// The generation of counts that are equal in the table.
    package let unchanged: Generation
    /// The generation of all other counts.
    package let changed: Generation

    package init(
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
        changed = max(unchanged, tables.raw?.generation ?? 0).next
        keys = KeyTable(seed: seed)
        covered = tables.covered(by: tables.raw?.history.ends ?? [:])
        coveredSums = WindowSums(seed: seed)
        recordedWatermark = covered?.snapshot.watermark
        recordsTimes = covered?.snapshot.summary[Mark.watermarks] != nil
        // In microseconds: more than 1000 late events per second over the lost state's life would exceed milliseconds.
        filler = try StateFiller(store, numbersAbove: now.timesOrBound(1000))
    }

    /// Checks the window length: with another one, new counts would be added beside the table's old ones.
    /// - Throws: `RestoreError.madeWithWindow`.
    private func checkWindow() throws {
        let asked = windows.windowMilliseconds
        guard let counts = tables.counts,
            let made = counts.history.lazy.compactMap({ $0.summary[Mark.window].flatMap { Int64($0) } }).first,
            made != asked
        else { return }
        throw RestoreError.madeWithWindow(table: counts.name, milliseconds: made, askedMilliseconds: asked)
    }

    /// Builds the state.
    /// - Throws: `RestoreError`, `ObjectStorageError`, `SQLiteError`.
    package func build() async throws -> RestoreSummary {
        try checkWindow()
        try filler.dropLateIndexes()
        try await readRaw()
        let bounds = try writePartitions()
        let watermark = watermark(bounds)
        try writeLateness(watermark)
        try filler.makeLateIndexes()
        try await findBackfilled()
        let countRows = try await readLedger()
        try writeGenerations()
        try writeProgress(watermark)
        try writeExports(bounds)
        try filler.finish()
        return RestoreSummary(
            stateID: tables.stateID, generation: unchanged, nextOffsets: bounds.mapValues(\.to), rawRows: rawRows,
            countRows: countRows, lateRows: partitions.values.reduce(0) { $0 + $1.late }, readAgain: readAgain(bounds),
            proof: ProofReport())
    }

    /// Passes the live rows of a snapshot of the counts table to `body`.
    /// - Throws: `RestoreError.damaged` for damage of the table; what storage and `body` throw.
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
