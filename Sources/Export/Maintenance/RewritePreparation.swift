// Prepares a rewrite: reads the live rows of data files and writes those of each group to one new file.
//
// Only the spool and the staging table change. The rows of a file keep their order. `note` records each replaced data
// file with every delete that was applied, so that the commit detects another delete since.

import Tables
import TableScan
import Base
import Foundation
import Iceberg
import State

/// Thrown when maintenance ends early because the process is stopping.
struct MaintenanceStopped: Error {}

/// Builds the intent of one rewrite.
final class RewritePreparation {
    private let context: PreparationContext
    private let reader: TableReader
    private let mayGoOn: () -> Bool
    private var files = CommitFiles()
    private var rewritten = RewrittenFiles()
    private var rows: Int64 = 0
    private var written: [String] = []

    /// - Parameter mayGoOn: called before every row group; when it returns false, the rewrite is abandoned.
    package init(_ context: PreparationContext, _ reader: TableReader, mayGoOn: @escaping () -> Bool) {
        self.context = context
        self.reader = reader
        self.mayGoOn = mayGoOn
    }

    /// Writes the files and stages the moves of rows.
    /// - Parameters:
    ///   - live: all data files of the snapshot.
    ///   - progress: the table's export progress.
    /// - Throws: `MaintenanceStopped`, `TableError`, `TableReadError`, `ObjectStorageError`, `SQLiteError`.
    package func run(
        _ groups: [RewriteGroup], live: [ScanTask], table: ExportTable, progress: ExportProgress
    ) async throws -> Intent {
        try SpoolFile.makeFolder(context.settings.spoolFolder)
        for (number, group) in groups.enumerated() {
            switch table {
            case .counts: try await rewriteCounts(group, number)
            case .raw: try await rewriteRaw(group, number)
            }
            note(group)
        }
        rewritten.replacedDeletes = try await deletesOfNothingElse(live)
        try SpoolFile.sync(context.settings.spoolFolder)
        let snapshot = context.metadata.currentSnapshot
        rewritten.readSnapshot = snapshot?.id
        rewritten.sequenceNumber = snapshot?.sequenceNumber
        files.summary = summary(progress)
        return Intent(
            commitID: context.commitID, table: table, tableName: context.tableName, generation: progress.generation,
            offsets: [:], rowsAdded: rows, rowsDeleted: rows, epoch: context.epoch, work: .rewrite(files, rewritten))
    }

    /// Removes the local files of an abandoned rewrite.
    func removeLocal() {
        for name in written { SpoolFile.remove(context.spoolPath(name)) }
    }

    // MARK: Rows

    private func rewriteCounts(_ group: RewriteGroup, _ number: Int) async throws {
        let name = name(group, number, "counts")
        let location = context.location(.counts, day: group.day, name)
        let moves = try RowMoves(context.store, tableName: context.tableName, isFirst: number == 0)
        let target = try context.store.with { try $0.fileID(ofPath: location) }
        var sources: [Int64: String] = [:]
        let output = try CountsOutput(path: context.spoolPath(name))
        for task in group.tasks {
            let source = try context.store.with { try $0.fileID(ofPath: task.file.path) }
            sources[source] = task.file.path
            try await copy(task, to: output) { batch in
                try moves.stage(batch, from: source, to: target, firstRow: output.rows)
            }
        }
        try moves.finish(day: group.day, files: sources)
        try close(output, group, name, location)
    }

    private func rewriteRaw(_ group: RewriteGroup, _ number: Int) async throws {
        let name = name(group, number, "rewritten")
        let output = try RawOutput(path: context.spoolPath(name))
        for task in group.tasks { try await copy(task, to: output) { _ in } }
        try close(output, group, name, context.location(.raw, day: group.day, name))
    }

    private func copy<Output: RewriteOutput>(
        _ task: ScanTask, to output: Output, before: (Output.Batch) throws -> Void
    ) async throws {
        let file = try await reader.open(task, as: Output.Batch.self)
        while let batch = try file.next() {
            guard mayGoOn() else { throw MaintenanceStopped() }
            try before(batch)
            try output.append(batch)
        }
    }

    private func close(_ output: some RewriteOutput, _ group: RewriteGroup, _ name: String, _ location: String) throws {
        rows += output.rows
        let metrics = try output.finish()
        guard output.rows > 0 else { return SpoolFile.remove(context.spoolPath(name)) }
        files.data.append(ParquetUpload(name: name, location: location, day: group.day, metrics: metrics))
    }

    private func name(_ group: RewriteGroup, _ number: Int, _ kind: String) -> String {
        let name = "\(kind)-\(context.commitID)-\(DayName.iso(group.day))-\(number).parquet"
        written.append(name)
        return name
    }

    // MARK: Replaced files

    private func note(_ group: RewriteGroup) {
        for task in group.tasks {
            rewritten.replaced.append(task.file.path)
            rewritten.deletesRead[task.file.path] = DeleteName.all(of: task)
        }
    }

    /// Position-delete files whose data files are all replaced or already gone.
    private func deletesOfNothingElse(_ live: [ScanTask]) async throws -> [DeleteName] {
        let replaced = Set(rewritten.replaced)
        let staying = Set(live.map(\.file.path)).subtracting(replaced)
        var deletes: [DeleteName: DataFile] = [:]
        for task in live where replaced.contains(task.file.path) {
            for file in task.positionDeletes where file.singleReferencedPath == nil { deletes[DeleteName(file)] = file }
        }
        var names: [DeleteName] = []
        for (name, file) in deletes.sorted(by: { $0.key.path < $1.key.path }) {
            if try await reader.deletes.dataFiles(in: file).isDisjoint(with: staying) { names.append(name) }
        }
        return names
    }

    /// The summary of the rewrite's snapshot. A rewrite adds no events, so its offsets start and end at the table's
    /// ends, which can be ahead of the ledger after a restore. The other entries are those of this state's last
    /// snapshot.
    private func summary(_ progress: ExportProgress) -> [String: String] {
        let history = context.metadata.ancestors(of: context.metadata.currentSnapshotID)
        let ends = progress.offsets.merging(history.ends) { max($0, $1) }
        var summary = [
            Mark.generation: "\(progress.generation)",
            Mark.offsets: Mark.text(offsets: ends.mapValues { OffsetSpan(from: $0, to: $0) }),
        ]
        let last = history.first(where: \.isOurs)?.summary
        for key in Mark.ofCounts { summary[key] = last?[key] }
        return summary
    }
}
