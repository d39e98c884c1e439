// Windows in which the counts table has more than the raw rows that were not late: a backfill has added late ones.
//
// Memory is bounded by the windows, and by the keys of a group of windows that differ.

import Iceberg
import Parquet
import SQLite
import Store

extension StateBuilder {
    /// Keys that are compared at a time, whole windows.
    private static let keysAtATime: Int64 = 1 << 18

    /// Marks the late events that the covered snapshot counts, and counts them here too.
    /// - Throws: `RestoreError.disagree` where the late log does not explain the difference.
    func findBackfilled() async throws {
        guard let covered, let counts = tables.counts else { return }
        say("comparing \(counts.name) with the raw rows")
        var sums = WindowSums(seed: seed)
        try await forEachCount(at: covered.snapshot) { batch, _ in sums.add(batch) }
        let windows = WindowSums.differing(sums, coveredSums)
        coveredSums = WindowSums(seed: seed)
        let marks = try BackfillMarks(connection)
        for group in try groups(of: windows) {
            let keys = KeyTable(seed: seed)
            try readState(group, keys)
            try await readTable(group, covered.snapshot, keys)
            for index in 0..<keys.count where keys[index].first != keys[index].second {
                try addBackfilled(keys, index, marks, counts.name)
            }
        }
    }

    /// Windows in groups of not too many counts, ascending.
    private func groups(of windows: [Int64]) throws -> [[Int64]] {
        let rows = try connection.prepare("SELECT count(*) FROM counts WHERE window_start = ?1")
        var groups: [[Int64]] = []
        var room: Int64 = 0
        for window in windows {
            rows.reset()
            try rows.bind(window, at: 1)
            let keys = try rows.step() ? rows.int64(0) : 0
            if groups.isEmpty || keys > room {
                groups.append([])
                room = Self.keysAtATime
            }
            groups[groups.count - 1].append(window)
            room -= max(1, keys)
        }
        return groups
    }

    /// The raw rows that the covered snapshot should have, as the second counter.
    private func readState(_ windows: [Int64], _ keys: KeyTable) throws {
        let rows = try connection.prepare(
            "SELECT postcode, count + min(generation, 0) FROM counts WHERE window_start = ?1")
        for window in windows {
            rows.reset()
            try rows.bind(window, at: 1)
            while try rows.step() {
                let index = rows.withText(0) { keys.index(window: window, postcode: $0) }
                keys.add(second: rows.int64(1), at: index)
            }
        }
    }

    /// What it has, as the first counter.
    private func readTable(_ windows: [Int64], _ snapshot: Snapshot, _ keys: KeyTable) async throws {
        guard let first = windows.first, let last = windows.last else { return }
        let wanted = Set(windows)
        let table = tables.counts?.name ?? ""
        let times = first * 1_000_000...(last + windowSeconds) * 1_000_000 - 1
        try await forEachCount(at: snapshot, times: times) { batch, _ in
            let numbers = keys.postcodes.numbers(of: batch.postcodes, adding: true)
            let entries = batch.postcodes.entries
            for row in batch.rows where wanted.contains(batch.windowStart(row)) {
                let postcode = numbers[entries.isEmpty ? row : Int(entries[row])]
                let window = batch.windowStart(row)
                let index = keys.index(window: window, postcode: postcode)
                guard keys.add(first: batch.counts[row], at: index) else {
                    let key = "\(batch.postcodes.string(row)) in the window at \(window) (seconds since 1970)"
                    throw RestoreError.damaged("table \(table): the counts of \(key) exceed 64 bits")
                }
            }
        }
    }

    private func addBackfilled(_ keys: KeyTable, _ index: Int, _ marks: BackfillMarks, _ table: String) throws {
        let entry = keys[index]
        let surplus = entry.first - entry.second
        try keys.postcodes.withBytes(Int(entry.postcode)) { postcode in
            let known = try marks.lateRows(entry.window, postcode)
            guard surplus > 0, surplus <= known else {
                throw RestoreError.disagree(
                    table: table, window: entry.window, postcode: String(decoding: postcode, as: UTF8.self),
                    count: entry.first, raw: entry.second, late: known)
            }
            try marks.mark(entry.window, postcode, number: surplus, now: now)
            try self.counts.write(rows: 1) { _, count, before in
                try count.bind(entry.window, at: before + 1)
                try count.bindText(postcode, at: before + 2)
                try count.bind(surplus, at: before + 3)
                try count.bind(unchanged, at: before + 4)
            }
        }
    }
}

/// The SQL that marks late events as backfilled.
private final class BackfillMarks {
    private let rows: Statement
    private let mark: Statement

    init(_ connection: Connection) throws {
        rows = try connection.prepare(
            "SELECT count(*) FROM late INDEXED BY late_by_window WHERE window_start = ?1 AND postcode = ?2")
        mark = try connection.prepare(
            """
            UPDATE late SET backfilled_at_ms = ?4 WHERE id IN (
              SELECT id FROM late WHERE window_start = ?1 AND postcode = ?2
              ORDER BY kafka_partition, kafka_offset LIMIT ?3)
            """)
    }

    func lateRows(_ window: Int64, _ postcode: UnsafeRawBufferPointer) throws -> Int64 {
        rows.reset()
        try rows.bind(window, at: 1)
        try rows.bindText(postcode, at: 2)
        defer { rows.reset() }
        return try rows.step() ? rows.int64(0) : 0
    }

    func mark(_ window: Int64, _ postcode: UnsafeRawBufferPointer, number: Int64, now: Int64) throws {
        try mark.bind(window, at: 1)
        try mark.bindText(postcode, at: 2)
        try mark.bind(number, at: 3)
        try mark.bind(now, at: 4)
        try mark.run()
    }
}

extension WindowSums {
    /// Adds all rows of a batch.
    mutating func add(_ batch: CountsBatch) {
        let hashes = hashes(of: batch.postcodes)
        let entries = batch.postcodes.entries
        for row in batch.rows {
            add(
                window: batch.windowStart(row), hash: hashes[entries.isEmpty ? row : Int(entries[row])],
                count: batch.counts[row])
        }
    }
}
