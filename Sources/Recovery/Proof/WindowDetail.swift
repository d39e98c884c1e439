// The counts of one window from every side, for reporting the keys that differ.

import Base
import State
import Tables
package import TableScan
package import Iceberg
import Parquet

/// Compares single windows.
struct WindowDetail {
    package let state: ProofState
    package let counts: ProofTable
    let countsReader: TableReader?
    let rawReader: TableReader?
    package let snapshot: Snapshot?
    /// The snapshot is the one to compare the state with.
    let isAtSettled: Bool
    package let generation: Generation
    package let rawSnapshot: Int64?
    /// The snapshot counts late events that were backfilled.
    let hasBackfilled: Bool
    /// Raw rows below these offsets are comparable; nil when none are.
    let rawEnds: [PartitionID: KafkaOffset]?

    /// Bytes, not a String: strings that differ only in their Unicode normalisation are equal.
    private typealias Postcode = [UInt8]

    private struct Sides {
        var local: Int64?
        var isLocalComparable = true
        var table: Int64?
        var raw: Int64?
    }

    /// The keys that differ, ascending by postcode. Unreadable files are skipped; the passes have reported them.
    /// - Throws: any error that is not damage of the tables.
    package func differences(in window: WindowStart) async throws -> [ProofDifference] {
        var sides: [Postcode: Sides] = [:]
        let times = window.times(through: window, windowSeconds: state.windowSeconds)
        try await addTable(window, times, &sides)
        try await addRaw(window, times, &sides)
        if isAtSettled { try addLocal(window, &sides) }
        return sides.filter { differs($0.value, window) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
            ProofDifference(
                postcode: String(decoding: $0.key, as: UTF8.self), window: window, local: $0.value.local,
                table: $0.value.table, raw: $0.value.raw)
        }
    }

    private func differs(_ sides: Sides, _ window: WindowStart) -> Bool {
        if rawEnds != nil, (sides.raw ?? 0) != (sides.table ?? 0) { return true }
        guard isAtSettled else { return false }
        if sides.local == nil { return sides.table != nil && window >= state.evictedBefore }
        if sides.isLocalComparable { return sides.local != sides.table }
        return !counts.isAhead && (sides.local ?? 0) < (sides.table ?? 0)
    }

    private func addTable(_ window: WindowStart, _ times: ClosedRange<Int64>, _ sides: inout [Postcode: Sides])
        async throws
    {
        guard let countsReader else { return }
        do {
            for task in try await countsReader.tasks(at: snapshot, of: CountsBatch.self, times: times) {
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

    private func addRaw(_ window: WindowStart, _ times: ClosedRange<Int64>, _ sides: inout [Postcode: Sides])
        async throws
    {
        guard let rawReader, let rawEnds, let rawSnapshot else { return }
        do {
            for task in try await rawReader.tasks(atID: rawSnapshot, of: RawBatch.self, times: times) {
                do {
                    let file = try await rawReader.open(
                        task, as: RawBatch.self, columns: RawCounter.columns, times: times)
                    while let batch = try file.next() {
                        for row in batch.rows where !batch.late[row] {
                            guard batch.offset(row) < rawEnds[batch.partition(row)] ?? .first else { continue }
                            let key = batch.postcodes.withBytes(row) { Array($0) }
                            sides[key, default: Sides()].raw = (sides[key]?.raw ?? 0) + 1
                        }
                    }
                } catch  where Damage.isDamage(error) {}
            }
        } catch  where Damage.isDamage(error) {}
        guard hasBackfilled else { return }
        try state.reader.forEachBackfilled(inWindow: window) { postcode in
            let key = Array(postcode)
            sides[key, default: Sides()].raw = (sides[key]?.raw ?? 0) + 1
        }
    }

    private func addLocal(_ window: WindowStart, _ sides: inout [Postcode: Sides]) throws {
        try state.reader.forEachCount(inWindow: window) { postcode, count in
            let key = Array(postcode)
            sides[key, default: Sides()].local = count.count
            sides[key]?.isLocalComparable = count.generation <= generation
        }
    }
}

extension TableReader {
    /// The scan tasks of a snapshot, by its id.
    package func tasks<Batch: RowBatch>(
        atID id: Int64, of type: Batch.Type, times: ClosedRange<Int64>
    ) async throws -> [ScanTask] {
        try await tasks(at: snapshot(id), of: type, times: times)
    }
}
