// Where the counts table's rows go when their files are rewritten, for the ledger.
//
// Only rows that the ledger still has are staged; others were evicted, never change again, and are just copied. Invariant:
// every row of the ledger that lies in a rewritten file is staged, or the rewrite does not happen.

import Parquet
import SQLite
import Store

/// Stages the moves of one rewrite.
final class RowMoves {
    private let store: SharedStore
    private let tableName: String
    private let reader: Connection
    private let known: Statement
    private var pending: [RowLocation] = []
    private var moved: [Int64: Int64] = [:]
    private static let chunk = 2000

    /// - Parameter isFirst: forgets what is staged.
    init(_ store: SharedStore, tableName: String, isFirst: Bool) throws {
        self.store = store
        self.tableName = tableName
        reader = try StateReader.open(store.path)
        known = try reader.prepare(
            """
            SELECT count FROM exported WHERE window_start = ?1 AND postcode = ?2 AND file_id = ?3 AND position = ?4
            """)
        if isFirst { try store.with { try $0.clearStaged() } }
    }

    /// The rows of `batch` are about to become the rows from `firstRow` on of another file.
    func stage(_ batch: CountsBatch, from oldFile: Int64, to newFile: Int64, firstRow: Int64) throws {
        var next = firstRow
        for row in batch.rows {
            let (window, postcode) = (batch.windowStart(row), batch.postcodes.string(row))
            if let count = try count(window, postcode, oldFile, batch.position(row)) {
                pending.append(
                    RowLocation(windowStart: window, postcode: postcode, fileID: newFile, position: next, count: count))
                moved[oldFile, default: 0] += 1
            }
            next += 1
            if pending.count >= Self.chunk { try flush() }
        }
    }

    private func count(_ window: Int64, _ postcode: String, _ file: Int64, _ position: Int64) throws -> Int64? {
        known.reset()
        try known.bind(window, at: 1)
        try known.bind(postcode, at: 2)
        try known.bind(file, at: 3)
        try known.bind(position, at: 4)
        return try known.step() ? known.int64(0) : nil
    }

    private func flush() throws {
        let rows = pending
        pending.removeAll(keepingCapacity: true)
        try store.with { try $0.stage(rows) }
    }

    /// Stages what is left, and makes sure that no row of these files was passed over.
    /// - Parameter files: the rewritten files by their number in the ledger.
    /// - Throws: `ExportError.rowsMissing`, `SQLiteError`.
    func finish(day: Int, files: [Int64: String]) throws {
        try flush()
        let rows = try reader.prepare(
            "SELECT file_id, count(*) FROM exported WHERE window_start >= ?1 AND window_start < ?2 GROUP BY file_id")
        try rows.bind(Int64(day) * 86_400, at: 1)
        try rows.bind(Int64(day + 1) * 86_400, at: 2)
        while try rows.step() {
            guard let path = files[rows.int64(0)] else { continue }
            let missing = rows.int64(1) - (moved[rows.int64(0)] ?? 0)
            guard missing <= 0 else { throw ExportError.rowsMissing(table: tableName, file: path, rows: missing) }
        }
    }
}
