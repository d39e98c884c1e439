// Writes the deletes of a commit: for each data file one position-delete file (v2) or one deletion vector (v3).
//
// The data file's previous deletes are merged into the new ones, and the commit removes their files, so a data file has
// one delete file however many commits delete rows of it. A delete file of several data files stays, for this data file
// and the others: this program no longer writes any, but earlier versions and other engines do. A position-delete file
// does not repeat its rows, so that the summary counts each deleted row once. A vector includes them, because readers of
// a vector ignore all other deletes. Every try writes new deletes, on top of its base snapshot.
// Invariant: a delete file that this program writes names exactly one data file (docs/adr/0026).

import Base
import TableScan
import Iceberg
import State
import Tables

/// Writes the deletes of the staged rows' old positions.
struct DeleteWriter {
    package let io: TableIO
    package let metadata: TableMetadata
    package let tableName: String
    package let deletes: DeleteReader
    /// Number of files written concurrently.
    private static let parallelWrites = 8

    /// A data file with all of its deleted positions.
    private struct Deleted {
        let file: DataFile
        let positions: DeletionVector
    }

    /// A delete file to write.
    private struct NewFile: Sendable {
        let location: String
        let bytes: [UInt8]
    }

    /// Writes the delete files and adds them to the change, which then also removes those that they replace.
    /// - Parameters:
    ///   - name: a part of the files' names that only this try has.
    ///   - announce: receives the files' locations before the first is written; not called without stale rows.
    /// - Returns: the size of the files, in bytes.
    /// - Throws: like `StaleRows.located`; `IcebergError`, `ObjectStorageError`, `ParquetError`; what `announce` throws.
    package func add(
        _ stale: StaleRows, to change: inout ChangeSet, name: String, announce: ([String]) throws -> Void
    ) async throws -> Int64 {
        guard !stale.isEmpty else { return 0 }
        let live = try await io.scan(metadata.currentSnapshot, of: metadata)
        var merged: [Deleted] = []
        for (task, stale, deleted) in try await stale.located(in: live, deletes, table: tableName) {
            let own = Self.ownDeletes(of: task)
            var positions = try await replaced(own, of: task, deleted)
            positions.merge(DeletionVector(stale))
            change.removedDeleteFiles.formUnion(own.map(\.key))
            merged.append(Deleted(file: task.file, positions: positions))
        }
        let (entries, files) =
            metadata.formatVersion >= 3
            ? try vectors(merged, name) : try positionDeletes(merged, name)
        assert(entries.allSatisfy { $0.singleReferencedPath != nil }, "a delete file names one data file")
        assert(Set(entries.map(\.referencedDataFile)).count == entries.count, "a data file has one delete file")
        try announce(files.map(\.location))
        try await write(files)
        change.addedDeleteFiles += entries
        return files.reduce(0) { $0 + Int64($1.bytes.count) }
    }

    /// The positions that the new deletes of a data file repeat.
    /// - Parameter deleted: all deleted positions of the data file.
    private func replaced(
        _ own: [DataFile], of task: ScanTask, _ deleted: DeletionVector
    ) async throws -> DeletionVector {
        guard metadata.formatVersion < 3, own.count < task.positionDeletes.count else { return deleted }
        return DeletionVector(
            try await deletes.deleted(
                ScanTask(
                    file: task.file, sequenceNumber: task.sequenceNumber, positionDeletes: own, deletionVector: nil)))
    }

    /// The deletes that apply to no other data file.
    private static func ownDeletes(of task: ScanTask) -> [DataFile] {
        ((task.deletionVector.map { [$0] } ?? []) + task.positionDeletes)
            .filter { $0.singleReferencedPath == task.file.path }
    }

    /// One Puffin file with all vectors.
    private func vectors(_ merged: [Deleted], _ name: String) throws -> ([DataFile], [NewFile]) {
        var puffin = PuffinWriter()
        let blobs = merged.map { puffin.append($0.positions, of: $0.file.path) }
        let bytes = try puffin.finish(createdBy: "pageviews")
        let location = "\(metadata.dataFolder)/vectors-\(name).puffin"
        let entries = zip(merged, blobs).map { deleted, blob in
            DataFile.deletionVector(
                path: location, fileSizeBytes: Int64(bytes.count), blob: blob, cardinality: deleted.positions.count,
                of: deleted.file)
        }
        return (entries, [NewFile(location: location, bytes: bytes)])
    }

    /// One Parquet file per data file, beside the data files of its partition.
    private func positionDeletes(_ merged: [Deleted], _ name: String) throws -> ([DataFile], [NewFile]) {
        var (entries, files): ([DataFile], [NewFile]) = ([], [])
        for (number, deleted) in merged.enumerated() {
            let (bytes, metrics) = try PositionDelete.file(deleted.positions.deleted, of: deleted.file.path)
            let folder = metadata.spec(deleted.file.specID)?.folder(deleted.file.partition) ?? ""
            let location =
                metadata.dataFolder + (folder.isEmpty ? "" : "/" + folder) + "/deletes-\(name)-\(number).parquet"
            var entry = metrics.dataFile(
                content: .positionDeletes, location: location, specID: deleted.file.specID,
                partition: deleted.file.partition)
            entry.referencedDataFile = deleted.file.path
            entries.append(entry)
            files.append(NewFile(location: location, bytes: bytes))
        }
        return (entries, files)
    }

    private func write(_ files: [NewFile]) async throws {
        let target = io.files
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, file) in files.enumerated() {
                if index >= Self.parallelWrites { try await group.next() }
                group.addTask { try await target.write(file.location, file.bytes) }
            }
            try await group.waitForAll()
        }
    }
}
