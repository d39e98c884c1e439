// Finds the late events that a backfill has added: in their windows the counts table counts more than the raw rows in
// time.
//
// Memory is bounded by the windows and by the keys of one group of differing windows.

import Base
import TableScan
package import Tables
import Iceberg
import Parquet
import State

extension StateBuilder {
    /// Number of keys that are compared at a time; more where one window has more.
    private static let keysAtATime: Int64 = 1 << 18

    /// Marks the late events that the covered snapshot counts, and adds them to the counts.
    /// - Throws: `RestoreError.disagree` when the late log does not explain a difference.
    func findBackfilled() async throws {
        guard let covered, let counts = tables.counts else { return }
        say("comparing \(counts.name) with the raw rows")
        var sums = WindowSums(seed: seed)
        try await forEachCount(at: covered.snapshot) { batch, _ in sums.add(batch) }
        let windows = WindowSums.differing(sums, coveredSums)
        coveredSums = WindowSums(seed: seed)
        for group in try groups(of: windows) {
            let keys = KeyTable(seed: seed)
            try readState(group, keys)
            try await readTable(group, covered.snapshot, keys)
            for index in 0..<keys.count where keys[index].first != keys[index].second {
                try addBackfilled(keys, index, counts.name)
            }
        }
    }

    /// Splits windows into groups of at most `keysAtATime` counts or one window, ascending.
    private func groups(of windows: [WindowStart]) throws -> [[WindowStart]] {
        var groups: [[WindowStart]] = []
        var room: Int64 = 0
        for window in windows {
            let keys = try store.numberOfCounts(inWindow: window)
            if groups.isEmpty || keys > room {
                groups.append([])
                room = Self.keysAtATime
            }
            groups[groups.count - 1].append(window)
            room -= max(1, keys)
        }
        return groups
    }

    /// Counts the raw rows that the covered snapshot should have, in the second counter.
    private func readState(_ windows: [WindowStart], _ keys: KeyTable) throws {
        for window in windows {
            try filler.forEachCovered(inWindow: window) { postcode, count in
                keys.add(second: count, at: keys.index(window: window, postcode: postcode))
            }
        }
    }

    /// Sums the covered snapshot's counts, in the first counter.
    private func readTable(_ windows: [WindowStart], _ snapshot: Snapshot, _ keys: KeyTable) async throws {
        guard let first = windows.first, let last = windows.last else { return }
        let wanted = Set(windows)
        let table = tables.counts?.name ?? ""
        let times = first.times(through: last, windowSeconds: windowSeconds)
        try await forEachCount(at: snapshot, times: times) { batch, _ in
            let numbers = keys.postcodes.numbers(of: batch.postcodes, adding: true)
            let entries = batch.postcodes.entries
            for row in batch.rows where wanted.contains(batch.windowStart(row)) {
                let postcode = numbers[entries.isEmpty ? row : Int(entries[row])]
                let window = batch.windowStart(row)
                let index = keys.index(window: window, postcode: postcode)
                guard keys.add(first: batch.counts[row], at: index) else {
                    let key = "\(batch.postcodes.string(row)) in the window at \(window.seconds) (seconds since 1970)"
                    throw RestoreError.damaged("table \(table): the counts of \(key) exceed 64 bits")
                }
            }
        }
    }

    private func addBackfilled(_ keys: KeyTable, _ index: Int, _ table: String) throws {
        let entry = keys[index]
        let surplus = entry.first - entry.second
        try keys.postcodes.withBytes(Int(entry.postcode)) { postcode in
            let known = try filler.numberOfLate(window: entry.window, postcode: postcode)
            guard surplus > 0, surplus <= known else {
                throw RestoreError.disagree(
                    table: table, window: entry.window, postcode: String(decoding: postcode, as: UTF8.self),
                    count: entry.first, raw: entry.second, late: known)
            }
            try filler.markBackfilled(window: entry.window, postcode: postcode, number: surplus, now: now)
            try filler.addCounts(rows: 1) { _, add in
                try add(
                    RestoredCount(
                        window: entry.window, postcode: postcode, count: surplus, missing: 0, generation: unchanged))
            }
        }
    }
}

extension WindowSums {
    /// Adds all rows of a batch.
    package mutating func add(_ batch: CountsBatch) {
        let hashes = hashes(of: batch.postcodes)
        let entries = batch.postcodes.entries
        for row in batch.rows {
            add(
                window: batch.windowStart(row), hash: hashes[entries.isEmpty ? row : Int(entries[row])],
                count: batch.counts[row])
        }
    }
}
