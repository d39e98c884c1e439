// The live rows of a table at a snapshot: data files in the order of the plan, deletes applied.
//
//     let reader = TableReader(io, metadata, spoolFolder: ..., uniqueName: ...)
//     for task in try await reader.tasks(at: metadata.currentSnapshot, of: RawBatch.self, times: from...to) {
//         let file = try await reader.open(task, as: RawBatch.self, columns: [RawBatch.postcode, RawBatch.timestamp])
//         while let batch = try file.next() { for row in batch.rows { ... batch.position(row) } }
//     }
//
// Invariant: one file is open at a time; memory is bounded by one row group and the deletes of one file.

package import Iceberg

/// Reads one table. Not to be used by two tasks at a time.
package final class TableReader {
    private let io: TableIO
    private let metadata: TableMetadata
    private let fetcher: FileFetcher
    /// Reads its deletes.
    package let deletes: DeleteReader

    /// - Parameters:
    ///   - spoolFolder: where large files are copied to while they are read; made when it is missing.
    ///   - uniqueName: fresh unique names.
    package init(
        _ io: TableIO, _ metadata: TableMetadata, spoolFolder: String, uniqueName: @escaping @Sendable () -> String
    ) {
        self.io = io
        self.metadata = metadata
        fetcher = FileFetcher(files: io.files, folder: spoolFolder, uniqueName: uniqueName)
        deletes = DeleteReader(fetcher)
    }

    /// A snapshot of the table by its id.
    package func snapshot(_ id: Int64) -> Snapshot? { metadata.snapshot(id) }

    /// The data files of a snapshot that may have rows with timestamps in `times` (microseconds, both ends included).
    /// - Throws: `IcebergError`, `ObjectStorageError`.
    package func tasks<Batch: RowBatch>(
        at snapshot: Snapshot?, of type: Batch.Type, times: ClosedRange<Int64>? = nil
    ) async throws -> [ScanTask] {
        let ranges = times.map {
            [
                ScanRange(
                    fieldID: Int(Batch.timestampID), lower: .long($0.lowerBound), upper: .long($0.upperBound))
            ]
        }
        return try await io.scan(snapshot, of: metadata, ranges: ranges ?? [])
    }

    /// Opens a data file. Only rows with timestamps in `times` are handed out.
    /// - Throws: `TableReadError`, `IcebergError`, `ObjectStorageError`, `SpoolError`.
    package func open<Batch: RowBatch>(
        _ task: ScanTask, as type: Batch.Type, columns: ColumnSet = .all, times: ClosedRange<Int64>? = nil
    ) async throws -> DataFileReader<Batch> {
        let deleted = try await deletes.deleted(task)
        return try DataFileReader(
            task.file, try await fetcher.source(task.file), deleted: deleted, columns: columns, times: times)
    }

    /// Hands out all live rows of a snapshot, batch by batch.
    /// - Throws: like `tasks` and `open`, and what `body` throws.
    package func forEach<Batch: RowBatch>(
        _ type: Batch.Type, at snapshot: Snapshot?, columns: ColumnSet = .all, times: ClosedRange<Int64>? = nil,
        _ body: (Batch, DataFile) throws -> Void
    ) async throws {
        for task in try await tasks(at: snapshot, of: type, times: times) {
            let file = try await open(task, as: type, columns: columns, times: times)
            while let batch = try file.next() { try body(batch, task.file) }
        }
    }
}
