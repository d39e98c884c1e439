// The rows of the counts table that a commit deletes because it writes newer versions.
//
// `located` checks that they are still live where the ledger has them: another writer may have moved them and kept the
// file. It throws for a row that is already deleted, because the newer version would then be a second row beside the
// moved one.

import Base
import Tables
import TableScan
import Iceberg
import State

/// Positions of stale rows, by data file.
struct StaleRows {
    package let positions: [String: [UInt64]]

    package var isEmpty: Bool { positions.isEmpty }

    /// Number of rows.
    var count: Int64 { positions.values.reduce(0) { $0 + Int64($1.count) } }

    /// The old positions of the staged rows.
    package static func staged(_ statePath: String) throws -> StaleRows {
        let reader = try StateReader(statePath)
        return try StaleRows { try reader.forEachStale($0) }
    }

    /// The positions of rows whose counts have changed since they were exported: the next commit deletes them.
    package static func pending(_ statePath: String, since generation: Generation) throws -> StaleRows {
        let reader = try StateReader(statePath)
        return try StaleRows { try reader.forEachStale(since: generation, $0) }
    }

    private init(_ forEach: ((String, Int64) throws -> Void) throws -> Void) throws {
        var positions: [String: [UInt64]] = [:]
        try forEach { path, position in positions[path, default: []].append(UInt64(max(0, position))) }
        self.positions = positions
    }

    /// The data files of the rows, in the order of their paths, each with its stale and its already deleted positions.
    /// - Throws: `TableError.rewritten` when a data file is gone, `TableError.rowsMoved` when a row is deleted or
    ///   beyond the file's end.
    func located(
        in live: [ScanTask], _ deletes: DeleteReader, table: String
    ) async throws -> [(task: ScanTask, stale: [UInt64], deleted: DeletionVector)] {
        let tasks = Dictionary(live.map { ($0.file.path, $0) }) { first, _ in first }
        var found: [(task: ScanTask, stale: [UInt64], deleted: DeletionVector)] = []
        for (path, stale) in positions.sorted(by: { $0.key < $1.key }) {
            guard let task = tasks[path] else { throw TableError.rewritten(table: table, file: path) }
            let deleted = DeletionVector(try await deletes.deleted(task))
            let gone = stale.filter { deleted.contains($0) || $0 >= UInt64(max(0, task.file.recordCount)) }
            guard gone.isEmpty else { throw TableError.rowsMoved(table: table, file: path, rows: gone.count) }
            found.append((task, stale, deleted))
        }
        return found
    }
}
