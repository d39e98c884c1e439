// Where the counts table's rows go when their files are rewritten, for the ledger.
//
// Only rows that the ledger still has are staged; others were evicted, never change again, and are just copied. Invariant:
// every row of the ledger that lies in a rewritten file is staged, or the rewrite does not happen.

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

    /// - Parameter isFirst: forgets what is staged.
    package init(_ store: SharedStore, tableName: String, isFirst: Bool) throws {
        self.store = store
        self.tableName = tableName
        reader = try StateReader(store.path)
        places = try reader.exportedPlaces()
        if isFirst { try store.with { try $0.clearStaged() } }
    }

    /// The rows of `batch` are about to become the rows from `firstRow` on of another file.
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

    /// Stages what is left, and makes sure that no row of these files was passed over.
    /// - Parameter files: the rewritten files by their number in the ledger.
    /// - Throws: `TableError.rowsMissing`, `SQLiteError`.
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
