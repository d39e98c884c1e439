// Builds the ledger from the rows of the current counts table, and finds the counts that differ from it.

import Base
import TableScan
import Tables
import Iceberg
import Parquet
import State

extension StateBuilder {
    /// Stores the current position of each row.
    /// - Returns: the number of rows.
    func readLedger() async throws -> Int64 {
        guard let counts = tables.counts else { return 0 }
        var file: (path: String, id: Int64)?
        var rows: Int64 = 0
        let asked = windowSeconds
        try await forEachCount(at: counts.current) { batch, data in
            let id = try file?.path == data.path ? file?.id ?? 0 : store.fileID(ofPath: data.path)
            file = (data.path, id)
            let live = Array(batch.rows)
            let doubled = try filler.addExported(rows: live.count) { index, add in
                let window = batch.windowStart(live[index])
                guard window.seconds % asked == 0 else {
                    throw RestoreError.otherWindow(table: counts.name, window: window, askedSeconds: asked)
                }
                try batch.postcodes.withBytes(live[index]) { postcode in
                    try add(
                        RestoredRow(
                            window: window, postcode: postcode, fileID: id, position: batch.position(live[index]),
                            count: batch.counts[live[index]]))
                }
            }
            if let doubled { throw try self.twice(batch, live[doubled], counts.name, id) }
            rows += Int64(live.count)
        }
        return rows
    }

    /// The error for the first of these rows whose key the ledger already has.
    private func twice(_ batch: CountsBatch, _ rows: ArraySlice<Int>, _ table: String, _ file: Int64) throws
        -> RestoreError
    {
        for row in rows {
            let isFirst = try batch.postcodes.withBytes(row) { postcode in
                try filler.isExported(
                    window: batch.windowStart(row), postcode: postcode, fileID: file, position: batch.position(row))
            }
            if isFirst { continue }
            let what = "\(batch.postcodes.string(row)) in the window at \(batch.windowStart(row).seconds)"
            return RestoreError.twice(table: table, what: what)
        }
        return RestoreError.twice(table: table, what: "a row")
    }

    /// Whether the counts table has events that the raw table does not have yet.
    private var isAhead: Bool {
        tables.counts?.history.first { $0.addedOffsets != nil }?.id != covered?.snapshot.id
    }

    /// Sets the generation of every count: `unchanged` if the table has the same count, otherwise `changed`. If the
    /// table is ahead, a row without a count here gets a count of zero, so that a later export corrects it.
    /// - Throws: `RestoreError.disagree` for such a row in a table that is not ahead: another writer wrote it.
    func writeGenerations() throws {
        var from: LedgerMerge.Key? = .first
        while let start = from {
            let merge = try filler.merge(from: start, unchanged: unchanged, changed: changed)
            from = try merge.run(atMost: 50_000)
            if let (key, count) = merge.uncounted, !isAhead {
                throw RestoreError.disagree(
                    table: tables.counts?.name ?? "", window: key.window,
                    postcode: String(decoding: key.postcode, as: UTF8.self), count: count, raw: 0, late: 0)
            }
            for (key, generation) in merge.wrong { try filler.setGeneration(generation, of: key) }
        }
        try filler.makeWindows()
    }
}
