// Stages the new positions of the counts table's rows for the ledger when their files are rewritten.
//
// Only rows that the ledger still has are staged. The others were evicted and never change again, so they are only
// copied. Every row of the ledger in a rewritten file must be staged; otherwise `finish` throws.

import Base
import TableScan
import Tables
import Parquet
import State

/// Stages the moves of one rewrite.
final class RowMoves {
    private let store: SharedStore
    private let tableName: String
    private let reader: StateReader
    private let places: ExportedPlaces
    private var pending: [RowLocation] = []
    private var moved: [Int64: Int64] = [:]
    private static let chunk = 2000

    /// - Parameter isFirst: clears the staging table first.
    package init(_ store: SharedStore, tableName: String, isFirst: Bool) throws {
        self.store = store
        self.tableName = tableName
        reader = try StateReader(store.path)
        places = try reader.exportedPlaces()
        if isFirst { try store.with { try $0.clearStaged() } }
    }

    /// Stages the rows of `batch`, which become the rows of file `newFile` from position `firstRow` on.
    /// - Throws: `SQLiteError`.
    package func stage(_ batch: CountsBatch, from oldFile: Int64, to newFile: Int64, firstRow: Int64) throws {
        var next = firstRow
        for row in batch.rows {
            let (window, postcode) = (batch.windowStart(row), batch.postcodes.string(row))
            let position = batch.position(row)
            if let count = try places.count(window: window, postcode: postcode, fileID: oldFile, position: position) {
                pending.append(
                    RowLocation(windowStart: window, postcode: postcode, fileID: newFile, position: next, count: count))
                moved[oldFile, default: 0] += 1
            }
            next += 1
            if pending.count >= Self.chunk { try flush() }
        }
    }

    private func flush() throws {
        let rows = pending
        pending.removeAll(keepingCapacity: true)
        try store.with { try $0.stage(rows) }
    }

    /// Stages the remaining rows and checks that no row of the rewritten files was missed.
    /// - Parameter files: the paths of the rewritten files, by their id in the ledger.
    /// - Throws: `TableError.rowsMissing` when the ledger has a row that was not in its file; `SQLiteError`.
    package func finish(day: Int, files: [Int64: String]) throws {
        try flush()
        let start = Int64(day) * 86_400
        let windows = WindowStart(seconds: start)..<WindowStart(seconds: start + 86_400)
        for (file, rows) in try reader.exportedRows(inWindows: windows) {
            guard let path = files[file] else { continue }
            let missing = rows - (moved[file] ?? 0)
            guard missing <= 0 else { throw TableError.rowsMissing(table: tableName, file: path, rows: missing) }
        }
    }
}
