// Fills an empty state from the tables, within one transaction of its connection.

internal import Bitmaps
internal import Foundation
internal import Iceberg
internal import Parquet
internal import SQLite
internal import Store
internal import Windowing

/// One partition while it is restored.
final class RestoredPartition {
    let number: Int32
    var seen = Bitmap64()
    var counted: Int64 = 0
    var late: Int64 = 0
    var least = Int64.max
    var end: Int64 = 0
    /// Milliseconds since the Unix epoch.
    var maxEventTime: Int64?

    init(_ number: Int32) { self.number = number }
}

/// Builds the state.
final class StateBuilder {
    private let store: Store
    private let tables: RestoreTables
    private let windows: WindowSettings
    private let seed: UInt64
    private let now: Int64
    private let say: (String) -> Void
    private var partitions: [Int32: RestoredPartition] = [:]
    private let deltas: CountDeltas
    private let covered: (snapshot: Snapshot, ends: [Int32: Int64])?
    /// Raw rows below the offsets of `covered`.
    private var coveredSums: WindowSums
    private var rawRows: Int64 = 0
    private let late: Statement
    private let count: Statement
    /// Holes in the offsets longer than this are one incident instead of rejected rows.
    private static let longestHole: Int64 = 10_000

    private var connection: Connection { store.connection }
    private var windowSeconds: Int64 { windows.windowMilliseconds / 1000 }
    /// Of counts that are not in the table as they are here.
    private var changed: Int64 { max(tables.counts?.generation ?? 0, tables.raw?.generation ?? 0) + 1 }

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
        deltas = CountDeltas(seed: seed)
        covered = tables.covered(by: tables.raw?.history.ends ?? [:])
        coveredSums = WindowSums(seed: seed)
        late = try store.connection.prepare(
            """
            INSERT INTO late (kafka_partition, kafka_offset, user_id, postcode, webpage, event_time_us, window_start,
              lateness_ms, received_at_ms, payload, published_at_ms)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, x'', ?8)
            """, persistent: true)
        count = try store.connection.prepare(
            """
            INSERT INTO counts VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET count = count + excluded.count
            """, persistent: true)
    }

    func build() async throws -> RestoreSummary {
        try numberLateRowsAnew()
        try await readRaw()
        try flushCounts()
        try await findBackfilled()
        let countRows = try await readLedger()
        try writeGenerations()
        let bounds = try writePartitions()
        try writeProgress(bounds)
        try writeExports(bounds)
        return RestoreSummary(
            stateID: tables.stateID, generation: tables.counts?.generation ?? 0,
            nextOffsets: bounds.mapValues(\.to), rawRows: rawRows, countRows: countRows,
            lateRows: partitions.values.reduce(0) { $0 + $1.late }, readAgain: readAgain(bounds), proof: ProofReport())
    }

    /// Numbers of late rows name records in the late topic, so none may be given twice: those of the lost state were below.
    private func numberLateRowsAnew() throws {
        try connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('late', \(now)), ('rejected', \(now))")
    }

    // MARK: Raw rows

    private func readRaw() async throws {
        guard let raw = tables.raw else { return }
        say("reading \(raw.name)")
        do {
            for task in try await raw.reader.tasks(at: raw.current, of: .raw) {
                let file = try await raw.reader.open(task, as: RawBatch.self)
                while let batch = try file.next() { try take(batch, raw) }
            }
        } catch  where Damage.isDamage(error) && !(error is RestoreError) {
            throw RestoreError.damaged("table \(raw.name): \(error)")
        }
    }

    private func take(_ batch: RawBatch, _ raw: RestoreTables.Table) throws {
        let skewLimit = now + windows.maxFutureSkewMilliseconds
        var current: RestoredPartition?
        for row in batch.rows {
            let partition = self.partition(batch.partitions[row], &current)
            let offset = batch.offsets[row]
            guard offset >= 0, partition.seen.insert(UInt64(offset)) else {
                throw RestoreError.twice(table: raw.name, what: "offset \(offset) of partition \(partition.number)")
            }
            rawRows += 1
            partition.least = min(partition.least, offset)
            partition.end = max(partition.end, offset + 1)
            let milliseconds = batch.timestamps[row] / 1000
            if milliseconds <= skewLimit { partition.maxEventTime = max(partition.maxEventTime ?? .min, milliseconds) }
            let window = windows.windowStart(of: milliseconds) / 1000
            if batch.late[row] {
                partition.late += 1
                try writeLate(batch, row, window, raw)
                continue
            }
            partition.counted += 1
            batch.postcodes.withBytes(row) { postcode in
                deltas.add(window: window, postcode: postcode)
                if offset < covered?.ends[partition.number] ?? Int64.min {
                    coveredSums.add(window: window, postcode: postcode, count: 1)
                }
            }
            if deltas.count >= 65_536 { try flushCounts() }
        }
    }

    @inline(__always)
    private func partition(_ number: Int32, _ current: inout RestoredPartition?) -> RestoredPartition {
        if let current, current.number == number { return current }
        let partition = partitions[number] ?? RestoredPartition(number)
        partitions[number] = partition
        current = partition
        return partition
    }

    private func writeLate(_ batch: RawBatch, _ row: Int, _ window: Int64, _ raw: RestoreTables.Table) throws {
        try late.bind(Int64(batch.partitions[row]), at: 1)
        try late.bind(batch.offsets[row], at: 2)
        try late.bind(batch.userID(row), at: 3)
        try batch.postcodes.withBytes(row) { try late.bindText($0, at: 4) }
        if batch.hasWebpage(row) {
            try batch.webpages.withBytes(row) { try late.bindText($0, at: 5) }
        } else {
            try late.bindNull(at: 5)
        }
        try late.bind(batch.timestamps[row], at: 6)
        try late.bind(window, at: 7)
        // When it came is not in the table; not later than the snapshot that has it.
        try late.bind(raw.current?.timestampMilliseconds ?? now, at: 8)
        try late.run()
    }

    private func flushCounts() throws {
        let generation = changed
        try deltas.forEachSorted { window, postcode, added in
            try count.bind(window, at: 1)
            try count.bindText(postcode, at: 2)
            try count.bind(added, at: 3)
            try count.bind(generation, at: 4)
            try count.run()
        }
        deltas.removeAll()
    }

    // MARK: Backfilled windows

    /// Where the counts table has more than the raw rows that were not late, a backfill has added late ones.
    private func findBackfilled() async throws {
        guard let covered, let counts = tables.counts else { return }
        say("comparing \(counts.name) with the raw rows")
        var sums = WindowSums(seed: seed)
        try await forEachCount(at: covered.snapshot) { batch, _ in
            for row in batch.rows {
                batch.postcodes.withBytes(row) {
                    sums.add(window: batch.windowStart(row), postcode: $0, count: batch.counts[row])
                }
            }
        }
        let windows = Set(WindowSums.differing(sums, coveredSums))
        guard !windows.isEmpty else { return }
        var keys = try await rawCounts(in: windows, below: covered.ends)
        try await forEachCount(at: covered.snapshot) { batch, _ in
            for row in batch.rows where windows.contains(batch.windowStart(row)) {
                let key = Key(window: batch.windowStart(row), postcode: batch.postcodes.string(row))
                keys[key, default: (0, 0)].table += batch.counts[row]
            }
        }
        for (key, sides) in keys where sides.table != sides.raw { try addBackfilled(key, sides, counts.name) }
    }

    private struct Key: Hashable {
        let window: Int64
        let postcode: String
    }

    private func rawCounts(
        in windows: Set<Int64>, below ends: [Int32: Int64]
    ) async throws -> [Key: (table: Int64, raw: Int64)] {
        var keys: [Key: (table: Int64, raw: Int64)] = [:]
        guard let raw = tables.raw else { return keys }
        try await raw.reader.forEach(RawBatch.self, at: raw.current, columns: RawPass.columns) { batch, _ in
            for row in batch.rows where !batch.late[row] {
                guard batch.offsets[row] < ends[batch.partitions[row]] ?? Int64.min else { continue }
                let window = self.windows.windowStart(of: batch.timestamps[row] / 1000) / 1000
                guard windows.contains(window) else { continue }
                keys[Key(window: window, postcode: batch.postcodes.string(row)), default: (0, 0)].raw += 1
            }
        }
        return keys
    }

    private func addBackfilled(_ key: Key, _ sides: (table: Int64, raw: Int64), _ table: String) throws {
        let surplus = sides.table - sides.raw
        let rows = try connection.prepare("SELECT count(*) FROM late WHERE window_start = ?1 AND postcode = ?2")
        try rows.bind(key.window, at: 1)
        try rows.bind(key.postcode, at: 2)
        let known = try rows.step() ? rows.int64(0) : 0
        guard surplus > 0, surplus <= known else {
            throw RestoreError.disagree(
                table: table, window: key.window, postcode: key.postcode, count: sides.table, raw: sides.raw,
                late: known)
        }
        let mark = try connection.prepare(
            """
            UPDATE late SET backfilled_at_ms = ?4 WHERE id IN (
              SELECT id FROM late WHERE window_start = ?1 AND postcode = ?2
              ORDER BY kafka_partition, kafka_offset LIMIT ?3)
            """)
        try mark.bind(key.window, at: 1)
        try mark.bind(key.postcode, at: 2)
        try mark.bind(surplus, at: 3)
        try mark.bind(now, at: 4)
        try mark.run()
        try count.bind(key.window, at: 1)
        try count.bind(key.postcode, at: 2)
        try count.bind(surplus, at: 3)
        try count.bind(changed, at: 4)
        try count.run()
    }

    // MARK: The counts table

    private func forEachCount(at snapshot: Snapshot?, _ body: (CountsBatch, DataFile) throws -> Void) async throws {
        guard let counts = tables.counts else { return }
        do {
            try await counts.reader.forEach(CountsBatch.self, at: snapshot, body)
        } catch  where Damage.isDamage(error) && !(error is RestoreError) {
            throw RestoreError.damaged("table \(counts.name): \(error)")
        }
    }

    /// Where each row of the table lies now.
    private func readLedger() async throws -> Int64 {
        guard let counts = tables.counts else { return 0 }
        let row = try connection.prepare("INSERT OR IGNORE INTO exported VALUES (?1, ?2, ?3, ?4, ?5)", persistent: true)
        var file: (path: String, id: Int64)?
        var rows: Int64 = 0
        let asked = windowSeconds
        try await forEachCount(at: counts.current) { batch, data in
            let id = try file?.path == data.path ? file?.id ?? 0 : store.fileID(ofPath: data.path)
            file = (data.path, id)
            for index in batch.rows {
                let window = batch.windowStart(index)
                guard window % asked == 0 else {
                    throw RestoreError.otherWindow(table: counts.name, window: window, asked: asked)
                }
                try row.bind(window, at: 1)
                try batch.postcodes.withBytes(index) { try row.bindText($0, at: 2) }
                try row.bind(id, at: 3)
                try row.bind(batch.position(index), at: 4)
                try row.bind(batch.counts[index], at: 5)
                try row.run()
                guard connection.changes == 1 else {
                    throw RestoreError.twice(
                        table: counts.name, what: "\(batch.postcodes.string(index)) in the window at \(window)")
                }
                rows += 1
            }
        }
        return rows
    }

    /// Counts that are in the table as they are here belong to its generation; all others have changed since. A row of the
    /// table that nothing here counts yet stands at zero, so that the table cannot keep it unnoticed.
    private func writeGenerations() throws {
        try connection.execute(
            """
            INSERT INTO counts SELECT e.window_start, e.postcode, 0, \(changed) FROM exported AS e
            LEFT JOIN counts AS c ON c.window_start = e.window_start AND c.postcode = e.postcode WHERE c.count IS NULL;
            UPDATE counts SET generation = \(tables.counts?.generation ?? 0) WHERE count = (
              SELECT e.count FROM exported AS e
              WHERE e.window_start = counts.window_start AND e.postcode = counts.postcode);
            INSERT INTO windows SELECT window_start, strftime('%Y-%m-%dT%H:%M:%SZ', window_start, 'unixepoch'),
              max(generation) FROM counts GROUP BY window_start;
            """)
    }

    // MARK: Offsets

    /// Each partition up to the end of the raw table, and the holes within as what they were.
    private func writePartitions() throws -> [Int32: (from: Int64, to: Int64)] {
        let rawEnds = tables.raw?.history.ends ?? [:]
        let countEnds = tables.counts?.history.ends ?? [:]
        var bounds: [Int32: (from: Int64, to: Int64)] = [:]
        for number in Set(rawEnds.keys).union(countEnds.keys).union(partitions.keys).sorted() {
            let partition = partitions[number] ?? RestoredPartition(number)
            partitions[number] = partition
            let starts = [tables.raw, tables.counts].compactMap { table in
                table.flatMap { $0.history.isWhole ? $0.history.starts[number] : nil }
            }
            guard let from = (starts + [partition.least]).min(), from < Int64.max else {
                throw RestoreError.unknownStart(table: tables.counts?.name ?? tables.raw?.name ?? "", partition: number)
            }
            let to = max(from, rawEnds[number] ?? from, partition.end)
            let rejected = try writeHoles(partition, from..<to)
            try writePartition(partition, from, to, rejected)
            bounds[number] = (from, to)
        }
        return bounds
    }

    /// Offsets without a raw event: rejected ones, whose reasons are lost with the state, or offsets that Kafka did not have.
    private func writeHoles(_ partition: RestoredPartition, _ offsets: Range<Int64>) throws -> Int64 {
        guard Int64(offsets.count) > Int64(clamping: partition.seen.count) else { return 0 }
        let row = try connection.prepare(
            """
            INSERT INTO rejected (kafka_partition, kafka_offset, reason, byte_position, excerpt, received_at_ms)
            VALUES (?1, ?2, 'restored: the raw table has no event of this offset', 0, '', ?3)
            """)
        var rejected: Int64 = 0
        var begin: Int64?
        for offset in offsets.lowerBound...offsets.upperBound {
            if offset < offsets.upperBound, !partition.seen.contains(UInt64(offset)) {
                begin = begin ?? offset
                continue
            }
            guard let from = begin else { continue }
            begin = nil
            if offset - from > Self.longestHole {
                try store.note(
                    Incident(
                        kind: "missing-offsets",
                        detail: "restored topic partition \(partition.number): offsets \(from) to \(offset - 1) "
                            + "(\(offset - from) in all) have no event in the raw table"), now: now)
                continue
            }
            for missing in from..<offset {
                try row.bind(Int64(partition.number), at: 1)
                try row.bind(missing, at: 2)
                try row.bind(now, at: 3)
                try row.run()
            }
            rejected += offset - from
        }
        return rejected
    }

    private func writePartition(
        _ partition: RestoredPartition, _ from: Int64, _ to: Int64, _ rejected: Int64
    ) throws {
        // The summary's watermark knows of the partition's largest time where raw rows beyond the skew hide it.
        let known = covered?.snapshot.partitionWatermarks[partition.number].map {
            $0 + windows.watermarkDelayMilliseconds + 1
        }
        partition.maxEventTime = [known, partition.maxEventTime].compactMap { $0 }.max()
        let row = try connection.prepare(
            "INSERT INTO partition_progress VALUES (?1, ?2, ?3, NULL, ?4, 0, ?5, ?6, ?7, ?8, NULL)")
        try row.bind(Int64(partition.number), at: 1)
        try row.bind(from, at: 2)
        try row.bind(to, at: 3)
        try row.bind(partition.maxEventTime, at: 4)
        try row.bind(partition.counted + partition.late + rejected, at: 5)
        try row.bind(partition.counted, at: 6)
        try row.bind(partition.late, at: 7)
        try row.bind(rejected, at: 8)
        try row.run()
    }

    // MARK: Progress

    private func writeProgress(_ bounds: [Int32: (from: Int64, to: Int64)]) throws {
        let recorded = covered?.snapshot.summary[Mark.watermark].flatMap { Int64($0) }
        let times = bounds.keys.map { partitions[$0]?.maxEventTime }
        let least = times.contains { $0 == nil } ? nil : times.compactMap { $0 }.min()
        let watermark = [recorded, least.map { $0 - windows.watermarkDelayMilliseconds - 1 }].compactMap { $0 }.max()
        let row = try connection.prepare(
            "UPDATE progress SET generation = ?1, watermark_ms = ?2, final_before_s = ?3, flushed_at_ms = ?4")
        try row.bind(changed, at: 1)
        try row.bind(watermark, at: 2)
        try row.bind(watermark.map { $0 + 1 > 0 ? windows.windowStart(of: $0 + 1) / 1000 : 0 } ?? 0, at: 3)
        try row.bind(now, at: 4)
        try row.run()
        // How late an event was when it came is not in the table; this is how late it is now.
        if let watermark {
            try connection.execute("UPDATE late SET lateness_ms = max(0, \(watermark) - event_time_us / 1000)")
        }
        try store.setMeta("state_id", to: tables.stateID)
        let backfilled = try store.connection.integer("SELECT count(*) FROM late WHERE backfilled_at_ms IS NOT NULL") ?? 0
        try store.setMeta("backfilled_events", to: "\(backfilled)")
    }

    private func writeExports(_ bounds: [Int32: (from: Int64, to: Int64)]) throws {
        for (kind, table) in [(ExportTable.counts, tables.counts), (.raw, tables.raw)] {
            guard let table else { continue }
            try store.setMeta("epoch.\(kind.rawValue)", to: "\(table.open.epoch)")
            guard let snapshot = table.current else { continue }
            try store.setMeta("snapshot.\(kind.rawValue)", to: "\(snapshot.id)")
            // The next commit of counts says again what is read again.
            let ends = table.history.ends
            let offsets = bounds.reduce(into: [Int32: Int64]()) { offsets, bound in
                if kind == .raw { offsets[bound.key] = bound.value.to }
                if kind == .counts, let end = ends[bound.key] { offsets[bound.key] = min(end, bound.value.to) }
            }
            let row = try connection.prepare("INSERT INTO export_progress VALUES (?1, ?2, ?3)")
            try row.bind(kind.rawValue, at: 1)
            try row.bind(table.generation, at: 2)
            try row.bind(String(decoding: try JSONEncoder().encode(offsets), as: UTF8.self), at: 3)
            try row.run()
        }
        let progress = try connection.prepare("INSERT INTO raw_progress VALUES (?1, ?2)")
        for (partition, bound) in bounds {
            try progress.bind(Int64(partition), at: 1)
            try progress.bind(bound.to, at: 2)
            try progress.run()
        }
    }

    private func readAgain(_ bounds: [Int32: (from: Int64, to: Int64)]) -> [Int32: Int64] {
        let ends = tables.counts?.history.ends ?? [:]
        return bounds.reduce(into: [:]) { result, bound in
            let ahead = (ends[bound.key] ?? 0) - bound.value.to
            if ahead > 0 { result[bound.key] = ahead }
        }
    }
}
