// Writes the deletion vectors (v3) of a commit to one Puffin file. A data file has one vector with all its deletes.
//
// A data file's first vector includes its position deletes of v2, because readers of a vector ignore all other deletes.
// Delete files of this data file only are removed; those of several data files stay for the others. Every try writes
// new vectors, on top of its base snapshot.

import TableScan
import Iceberg

/// Writes the deletion vectors of the staged rows' old positions.
struct VectorWriter {
    package let io: TableIO
    package let metadata: TableMetadata
    package let tableName: String
    package let deletes: DeleteReader

    /// Writes the Puffin file and adds its vectors to the change.
    /// - Parameter announce: receives the file's location before it is written; not called without stale rows.
    /// - Throws: like `StaleRows.located`; `IcebergError`, `ObjectStorageError`; what `announce` throws.
    package func add(
        _ stale: StaleRows, to change: inout ChangeSet, name: String, announce: ([String]) throws -> Void
    ) async throws {
        guard !stale.isEmpty else { return }
        let live = try await io.scan(metadata.currentSnapshot, of: metadata)
        var puffin = PuffinWriter()
        var made: [(blob: PuffinBlob, count: Int64, file: DataFile)] = []
        for (task, stale, deleted) in try await stale.located(in: live, deletes, table: tableName) {
            var vector = deleted
            vector.merge(DeletionVector(stale))
            if let old = task.deletionVector { change.removedDeleteFiles.insert(old.key) }
            for file in task.positionDeletes where file.singleReferencedPath == task.file.path {
                change.removedDeleteFiles.insert(file.key)
            }
            made.append((puffin.append(vector, of: task.file.path), vector.count, task.file))
        }
        let bytes = try puffin.finish(createdBy: "pageviews")
        let location = "\(metadata.dataFolder)/\(name).puffin"
        try announce([location])
        try await io.files.write(location, bytes)
        change.addedDeleteFiles += made.map {
            .deletionVector(
                path: location, fileSizeBytes: Int64(bytes.count), blob: $0.blob, cardinality: $0.count, of: $0.file)
        }
    }
}
