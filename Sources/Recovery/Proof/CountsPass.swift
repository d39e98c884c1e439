// Reads every row of the counts table and compares it with the ledger and the state.
//
// Memory is bounded by the windows and one bit per row. A matching ledger row is marked by its own file and position,
// which no other ledger row has, so the pass finds duplicate and missing rows.

package import Base
import Tables
package import TableScan
import Bitmaps
package import Iceberg
import Parquet
import State

/// The result of a pass over the counts table.
package struct CountsPass {
    package var sums: WindowSums
    package var files = 0
    /// Descriptions of unreadable files.
    package var damaged: [String] = []
    /// Descriptions of files whose manifest entry does not match their rows.
    var misplaced: [String] = []
    /// Number of rows.
    package var rows: Int64 = 0
    /// Sum of all counts.
    package var total: Int64 = 0
    /// Rows with the count that the ledger has for their key.
    var asExported: Int64 = 0
    /// Rows at the position that the ledger has.
    var inPlace: Int64 = 0
    /// Rows whose key has not changed in the state since the snapshot.
    package var comparable: Int64 = 0
    /// Comparable rows with the state's count.
    var asLocal: Int64 = 0
    /// Rows of windows that were evicted from the state.
    package var evicted: Int64 = 0
    /// Rows of windows that were evicted from the state and from its ledger.
    var released: Int64 = 0
    /// The first windows with a difference, at most `mostWindows`.
    package var windows: Set<WindowStart> = []
    fileprivate var seen: [Int64: Bitmap64] = [:]
    static let mostWindows = 12

    package init(seed: UInt64) { sums = WindowSums(seed: seed) }

    package mutating func differs(in window: WindowStart) {
        if windows.count < Self.mostWindows { windows.insert(window) }
    }
}

/// Reads the counts table for a proof.
package struct CountsReading {
    package let state: ProofState
    package let table: ProofTable
    package let reader: TableReader
    /// The generation of the state in the snapshot.
    package let generation: Generation
    package let seed: UInt64

    /// The sums of a snapshot, without a comparison.
    /// - Throws: any error that is not damage of the table.
    package func sums(at snapshot: Snapshot?) async throws -> CountsPass {
        var pass = CountsPass(seed: seed)
        try await forEach(snapshot, &pass) { batch, _, pass in
            pass.sums.add(batch)
            for row in batch.rows { pass.total &+= batch.counts[row] }
            pass.rows += Int64(batch.rows.count)
        }
        return pass
    }

    /// The sum of all counts, from their column only.
    /// - Throws: any error that is not damage of the table.
    package func total(at snapshot: Snapshot?) async throws -> CountsPass {
        var pass = CountsPass(seed: seed)
        try await forEach(snapshot, &pass, columns: CountsBatch.count) { batch, _, pass in
            for row in batch.rows { pass.total &+= batch.counts[row] }
            pass.rows += Int64(batch.rows.count)
        }
        return pass
    }

    /// Compares every row with the state.
    /// - Throws: `SQLiteError`, and any error that is not damage of the table.
    package func compare() async throws -> CountsPass {
        var pass = CountsPass(seed: seed)
        let (state, table, generation) = (state, table, generation)
        let ledger = try state.reader.exportedCursor()
        let staged = table.isBeingRewritten ? try state.reader.stagedCursor() : nil
        let counts = try state.reader.countsCursor()
        let ids = try state.reader.dataFiles()
        try await forEach(table.snapshot, &pass) { batch, file, pass in
            let fileID = ids[file.path]
            pass.sums.add(batch)
            for row in batch.rows {
                let key = Row(
                    window: batch.windowStart(row), count: batch.counts[row], fileID: fileID,
                    position: batch.position(row))
                pass.rows += 1
                pass.total &+= key.count
                try batch.postcodes.withBytes(row) { postcode in
                    if table.isSettled {
                        let exported = try ledger.find(window: key.window, postcode: postcode)
                        let moved = try staged?.find(window: key.window, postcode: postcode)
                        Self.holdAgainstLedger(key, exported, moved, state.evictedBefore, &pass)
                    }
                    let stored = try counts.find(window: key.window, postcode: postcode)
                    Self.holdAgainstCounts(key, stored, generation, state.evictedBefore, table.isAhead, &pass)
                }
            }
        }
        if table.isSettled {
            if try pass.asExported != state.reader.numberOfExportedRows() { try findLost(&pass) }
            if try pass.asLocal != state.reader.countsUnchanged(since: generation) { try findMissing(&pass) }
        }
        pass.seen = [:]
        return pass
    }

    private struct Row {
        let window: WindowStart
        let count: Int64
        let fileID: Int64?
        let position: Int64
    }

    private static func holdAgainstLedger(
        _ row: Row, _ found: ExportedRow?, _ moved: ExportedRow?, _ evictedBefore: WindowStart, _ pass: inout CountsPass
    ) {
        guard let found else {
            if row.window < evictedBefore { pass.released += 1 } else { pass.differs(in: row.window) }
            return
        }
        let isFirst = pass.seen[found.fileID, default: Bitmap64()].insert(UInt64(max(0, found.position)))
        if isFirst, found.count == row.count {
            pass.asExported += 1
        } else {
            pass.differs(in: row.window)
        }
        let isThere = [found, moved].contains { $0?.fileID == row.fileID && $0?.position == row.position }
        if isThere { pass.inPlace += 1 }
    }

    private static func holdAgainstCounts(
        _ row: Row, _ found: StoredCount?, _ generation: Generation, _ evictedBefore: WindowStart, _ isAhead: Bool,
        _ pass: inout CountsPass
    ) {
        guard let found else {
            if row.window < evictedBefore { pass.evicted += 1 } else { pass.differs(in: row.window) }
            return
        }
        guard found.generation <= generation else {
            // The count has changed since. It only grows, once the state has consumed everything that the table counts.
            if !isAhead, found.count < row.count { pass.differs(in: row.window) }
            return
        }
        pass.comparable += 1
        if found.count == row.count { pass.asLocal += 1 } else { pass.differs(in: row.window) }
    }

    /// Ledger rows that the table does not have.
    private func findLost(_ pass: inout CountsPass) throws {
        try state.reader.forEachExported { window, file, position in
            if pass.seen[file]?.contains(UInt64(max(0, position))) != true { pass.differs(in: window) }
        }
    }

    /// Counts of the state that should be in the snapshot and are not.
    private func findMissing(_ pass: inout CountsPass) throws {
        for window in try state.reader.windowsNotAsExported(upTo: generation, limit: 100) { pass.differs(in: window) }
    }

    /// Passes the batches of all readable files to `body`, and describes the unreadable ones in `pass`.
    private func forEach(
        _ snapshot: Snapshot?, _ pass: inout CountsPass, columns: ColumnSet = .all,
        _ body: (CountsBatch, DataFile, inout CountsPass) throws -> Void
    ) async throws {
        do {
            for task in try await reader.tasks(at: snapshot, of: CountsBatch.self) {
                pass.files += 1
                do {
                    let file = try await reader.open(task, as: CountsBatch.self, columns: columns)
                    var claims = FileClaims(task.file, in: table.metadata)
                    while let batch = try file.next() {
                        claims.note(batch)
                        try body(batch, task.file, &pass)
                    }
                    let faults = claims.faults()
                    if !faults.isEmpty {
                        pass.misplaced.append(
                            "table \(table.name), file \(task.file.path): \(faults.joined(separator: "; "))")
                    }
                } catch  where Damage.isDamage(error) {
                    pass.damaged.append("table \(table.name), file \(task.file.path): \(error)")
                }
            }
        } catch  where Damage.isDamage(error) {
            pass.damaged.append("table \(table.name), snapshot \(snapshot?.id ?? 0): \(error)")
        }
    }
}
