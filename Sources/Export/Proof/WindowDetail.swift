// The counts of one window from every side, to name what differs.

import Iceberg
import Parquet
import SQLite
import Store

/// Looks at single windows.
struct WindowDetail {
    let state: ProofState
    let counts: ProofTable
    let countsReader: TableReader?
    let rawReader: TableReader?
    let snapshot: Snapshot?
    /// The snapshot is the one that the state is compared with.
    let isAtSettled: Bool
    let generation: Int64
    let rawSnapshot: Int64?
    /// The snapshot counts late events that were backfilled.
    let hasBackfilled: Bool
    /// Raw rows below these offsets are comparable; nil: none are.
    let rawEnds: [Int32: Int64]?

    /// Bytes, not a String: two that differ only in their Unicode normalisation are equal as such.
    private typealias Postcode = [UInt8]

    private struct Sides {
        var local: Int64?
        var isLocalComparable = true
        var table: Int64?
        var raw: Int64?
    }

    /// The keys that differ, by postcode. Files that cannot be read are passed over; the passes have named them.
    /// - Throws: what is not damage.
    func differences(in window: Int64) async throws -> [ProofDifference] {
        var sides: [Postcode: Sides] = [:]
        let times = window * 1_000_000...(window + state.windowSeconds) * 1_000_000 - 1
        try await addTable(window, times, &sides)
        try await addRaw(window, times, &sides)
        if isAtSettled { try addLocal(window, &sides) }
        return sides.filter { differs($0.value, window) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
            ProofDifference(
                postcode: String(decoding: $0.key, as: UTF8.self), window: window, local: $0.value.local,
                table: $0.value.table, raw: $0.value.raw)
        }
    }

    private func differs(_ sides: Sides, _ window: Int64) -> Bool {
        if rawEnds != nil, (sides.raw ?? 0) != (sides.table ?? 0) { return true }
        guard isAtSettled else { return false }
        if sides.local == nil { return sides.table != nil && window >= state.evictedBefore }
        if sides.isLocalComparable { return sides.local != sides.table }
        return !counts.isAhead && (sides.local ?? 0) < (sides.table ?? 0)
    }

    private func addTable(_ window: Int64, _ times: ClosedRange<Int64>, _ sides: inout [Postcode: Sides]) async throws {
        guard let countsReader else { return }
        do {
            for task in try await countsReader.tasks(at: snapshot, of: .counts, times: times) {
                do {
                    let file = try await countsReader.open(task, as: CountsBatch.self, times: times)
                    while let batch = try file.next() {
                        for row in batch.rows {
                            let key = batch.postcodes.withBytes(row) { Array($0) }
                            sides[key, default: Sides()].table = (sides[key]?.table ?? 0) &+ batch.counts[row]
                        }
                    }
                } catch  where Damage.isDamage(error) {}
            }
        } catch  where Damage.isDamage(error) {}
    }

    private func addRaw(_ window: Int64, _ times: ClosedRange<Int64>, _ sides: inout [Postcode: Sides]) async throws {
        guard let rawReader, let rawEnds, let rawSnapshot else { return }
        do {
            for task in try await rawReader.tasks(atID: rawSnapshot, of: .raw, times: times) {
                do {
                    let file = try await rawReader.open(
                        task, as: RawBatch.self, columns: RawCounter.columns, times: times)
                    while let batch = try file.next() {
                        for row in batch.rows where !batch.late[row] {
                            guard batch.offsets[row] < rawEnds[batch.partitions[row]] ?? Int64.min else { continue }
                            let key = batch.postcodes.withBytes(row) { Array($0) }
                            sides[key, default: Sides()].raw = (sides[key]?.raw ?? 0) + 1
                        }
                    }
                } catch  where Damage.isDamage(error) {}
            }
        } catch  where Damage.isDamage(error) {}
        guard hasBackfilled else { return }
        let late = try state.connection.prepare(
            "SELECT postcode FROM late WHERE window_start = ?1 AND backfilled_at_ms IS NOT NULL")
        try late.bind(window, at: 1)
        while try late.step() {
            let key = late.withText(0) { Array($0) }
            sides[key, default: Sides()].raw = (sides[key]?.raw ?? 0) + 1
        }
    }

    private func addLocal(_ window: Int64, _ sides: inout [Postcode: Sides]) throws {
        let rows = try state.connection.prepare(
            "SELECT postcode, count, generation FROM counts WHERE window_start = ?1")
        try rows.bind(window, at: 1)
        while try rows.step() {
            let key = rows.withText(0) { Array($0) }
            sides[key, default: Sides()].local = rows.int64(1)
            sides[key]?.isLocalComparable = rows.int64(2) <= generation
        }
    }
}

extension TableReader {
    /// The same, by the snapshot's id.
    func tasks(atID id: Int64, of table: ExportTable, times: ClosedRange<Int64>) async throws -> [ScanTask] {
        try await tasks(at: snapshot(id), of: table, times: times)
    }
}
