// Deletion vectors (v3): one per data file, with all that was deleted of it before, all of a commit in one Puffin file.
//
// A data file's first vector takes in its position deletes of v2: where there is a vector, readers look at nothing
// else. Delete files of this data file alone go with it; those of several stay for the others.
// Invariant: they are written for every try, on top of the snapshot that the try is based on.

import TableScan
import Iceberg

/// Makes the deletion vectors of the staged rows' old positions.
struct VectorWriter {
    package let io: TableIO
    package let metadata: TableMetadata
    package let tableName: String
    package let deletes: DeleteReader

    /// Writes the Puffin file and adds its vectors to the change.
    /// - Parameter announce: told the file's location before it is written; not called when there is nothing to delete.
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
