// The rows of the counts table that a commit deletes because it writes newer versions, and whether they are still where the
// ledger has them: another writer may have moved them, with the file still there.
//
// Invariant: a row that is deleted already, by whomever, is never written again: its newer version would stand beside
// the one that somebody else put elsewhere.

import Iceberg
import SQLite
import Store

/// Positions by data file.
struct StaleRows {
    let positions: [String: [UInt64]]

    var isEmpty: Bool { positions.isEmpty }

    /// The old places of the rows that are staged.
    static func staged(_ statePath: String) throws -> StaleRows {
        try StaleRows(
            statePath,
            """
            SELECT f.path, e.position FROM staged AS s
            JOIN exported AS e ON e.window_start = s.window_start AND e.postcode = s.postcode
            JOIN data_file AS f ON f.id = e.file_id
            """)
    }

    /// The places of rows whose counts have changed since they were exported: the next commit deletes them.
    static func pending(_ statePath: String, since generation: Int64) throws -> StaleRows {
        try StaleRows(
            statePath,
            """
            SELECT f.path, e.position
            FROM windows AS w CROSS JOIN counts AS c ON c.window_start = w.window_start
            JOIN exported AS e ON e.window_start = c.window_start AND e.postcode = c.postcode
            JOIN data_file AS f ON f.id = e.file_id
            WHERE w.generation > \(generation) AND c.generation > \(generation) AND e.count IS NOT c.count
            """)
    }

    private init(_ statePath: String, _ sql: String) throws {
        let rows = try StateReader.open(statePath).prepare(sql)
        var positions: [String: [UInt64]] = [:]
        while try rows.step() { positions[rows.string(0), default: []].append(UInt64(max(0, rows.int64(1)))) }
        self.positions = positions
    }

    /// The data files that they lie in, with all that is deleted of each so far, in the order of their paths.
    /// - Throws: `ExportError.rewritten` and `ExportError.rowsMoved` when they are not there.
    func located(
        in live: [ScanTask], _ deletes: DeleteReader, table: String
    ) async throws -> [(task: ScanTask, stale: [UInt64], deleted: DeletionVector)] {
        let tasks = Dictionary(live.map { ($0.file.path, $0) }) { first, _ in first }
        var found: [(task: ScanTask, stale: [UInt64], deleted: DeletionVector)] = []
        for (path, stale) in positions.sorted(by: { $0.key < $1.key }) {
            guard let task = tasks[path] else { throw ExportError.rewritten(table: table, file: path) }
            let deleted = DeletionVector(try await deletes.deleted(task))
            let gone = stale.filter { deleted.contains($0) || $0 >= UInt64(max(0, task.file.recordCount)) }
            guard gone.isEmpty else { throw ExportError.rowsMoved(table: table, file: path, rows: gone.count) }
            found.append((task, stale, deleted))
        }
        return found
    }
}
