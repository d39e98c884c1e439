// The rows of the counts table that a commit deletes because it writes newer versions, and whether they are still where the
// ledger has them: another writer may have moved them, with the file still there.
//
// Invariant: a row that is deleted already, by whomever, is never written again: its newer version would stand beside
// the one that somebody else put elsewhere.

import Base
import Tables
import TableScan
import Iceberg
import State

/// Positions by data file.
struct StaleRows {
    package let positions: [String: [UInt64]]

    package var isEmpty: Bool { positions.isEmpty }

    /// The old places of the rows that are staged.
    package static func staged(_ statePath: String) throws -> StaleRows {
        let reader = try StateReader(statePath)
        return try StaleRows { try reader.forEachStale($0) }
    }

    /// The places of rows whose counts have changed since they were exported: the next commit deletes them.
    package static func pending(_ statePath: String, since generation: Generation) throws -> StaleRows {
        let reader = try StateReader(statePath)
        return try StaleRows { try reader.forEachStale(since: generation, $0) }
    }

    private init(_ forEach: ((String, Int64) throws -> Void) throws -> Void) throws {
        var positions: [String: [UInt64]] = [:]
        try forEach { path, position in positions[path, default: []].append(UInt64(max(0, position))) }
        self.positions = positions
    }

    /// The data files that they lie in, with all that is deleted of each so far, in the order of their paths.
    /// - Throws: `TableError.rewritten` and `TableError.rowsMoved` when they are not there.
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
