// Reads a table's live rows at a snapshot: data files in the order of the scan plan, with deletes applied.
//
//     let reader = TableReader(io, metadata, spoolFolder: ..., uniqueName: ...)
//     for task in try await reader.tasks(at: metadata.currentSnapshot, of: RawBatch.self, times: from...to) {
//         let file = try await reader.open(task, as: RawBatch.self, columns: [RawBatch.postcode, RawBatch.timestamp])
//         while let batch = try file.next() { for row in batch.rows { ... batch.position(row) } }
//     }
//
// `forEach` opens one file at a time. Memory is bounded by one row group, the deletes of one file and the cache of
// `DeleteReader`.

package import Iceberg

/// Reads one table. Not thread-safe.
package final class TableReader {
    private let io: TableIO
    private let metadata: TableMetadata
    private let fetcher: FileFetcher
    /// Reads the table's deletes.
    package let deletes: DeleteReader

    /// A reader of the table in this state.
    /// - Parameters:
    ///   - spoolFolder: the folder for local copies of large files; created when missing.
    ///   - uniqueName: returns a new unique file name.
    package init(
        _ io: TableIO, _ metadata: TableMetadata, spoolFolder: String, uniqueName: @escaping @Sendable () -> String
    ) {
        self.io = io
        self.metadata = metadata
        fetcher = FileFetcher(files: io.files, folder: spoolFolder, uniqueName: uniqueName)
        deletes = DeleteReader(fetcher)
    }

    /// The snapshot with this id; nil when the table has none.
    package func snapshot(_ id: Int64) -> Snapshot? { metadata.snapshot(id) }

    /// The data files of a snapshot that may hold rows with timestamps in `times`: microseconds since 1970-01-01 UTC,
    /// both ends inclusive; nil: all. Empty without a snapshot.
    /// - Throws: `IcebergError`, `AvroError` or `ObjectStorageError` when the manifests cannot be read or planned.
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

    /// Opens a data file for its rows with timestamps in `times`; see `tasks(at:of:times:)`.
    /// - Throws: `TableReadError`, `IcebergError`, `ObjectStorageError`, `SpoolError`.
    package func open<Batch: RowBatch>(
        _ task: ScanTask, as type: Batch.Type, columns: ColumnSet = .all, times: ClosedRange<Int64>? = nil
    ) async throws -> DataFileReader<Batch> {
        let deleted = try await deletes.deleted(task)
        return try DataFileReader(
            task.file, try await fetcher.source(task.file), deleted: deleted, columns: columns, times: times)
    }

    /// Calls `body` with the live rows of a snapshot, one batch at a time.
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
