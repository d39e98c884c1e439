// Reads the deleted rows of a data file, from its deletion vector (v3) or from position-delete files (v2)
// (https://iceberg.apache.org/spec/#delete-formats).
// Invariant: the cache holds at most `cachedPositions` positions by the row counts in the manifests. A delete file of
// more than a quarter of that is not cached: it is re-read for each data file, one row group at a time.

package import Iceberg
import ObjectStorage
import Parquet

/// Reads deletes and caches small delete files. Not thread-safe.
package final class DeleteReader {
    private let fetcher: FileFetcher
    private let cachedPositions: Int64
    private var cache: [String: [String: DeletionVector]] = [:]
    private var cached: Int64 = 0

    /// A reader with a cache of at most `cachedPositions` positions.
    package init(_ fetcher: FileFetcher, cachedPositions: Int64 = 1 << 20) {
        self.fetcher = fetcher
        self.cachedPositions = cachedPositions
    }

    /// The deleted positions of a data file, from 0, ascending, each once.
    /// - Throws: `TableReadError` for an invalid position-delete file, `IcebergError` for an invalid deletion vector,
    ///   `ObjectStorageError` or `SpoolError` when a file cannot be fetched.
    package func deleted(_ task: ScanTask) async throws -> [UInt64] {
        if let vector = task.deletionVector { return try await read(vector: vector).deleted }
        guard !task.positionDeletes.isEmpty else { return [] }
        var all = DeletionVector()
        for file in task.positionDeletes {
            if let some = try await vector(of: task.file.path, in: file) { all.merge(some) }
        }
        return all.deleted
    }

    /// The paths of the data files that a position-delete file refers to.
    /// - Throws: `TableReadError`, `ObjectStorageError`, `SpoolError`.
    package func dataFiles(in file: DataFile) async throws -> Set<String> {
        if let path = file.singleReferencedPath { return [path] }
        if let known = try await small(file) { return Set(known.keys) }
        var paths: Set<String> = []
        try await runs(of: file, only: nil) { path, _ in paths.insert(path) }
        return paths
    }

    private func read(vector file: DataFile) async throws -> DeletionVector {
        let bytes = try await fetcher.files.read(
            file.path, offset: file.contentOffset ?? 0, length: file.contentSizeBytes ?? 0)
        return try DeletionVector(of: file, blob: bytes)
    }

    private func vector(of path: String, in file: DataFile) async throws -> DeletionVector? {
        if let known = try await small(file) { return known[path] }
        var vector: DeletionVector?
        try await runs(of: file, only: path) { _, positions in
            vector = vector ?? DeletionVector()
            vector?.merge(DeletionVector(positions))
        }
        return vector
    }

    /// A delete file's positions by data file, from the cache where possible; nil when the file is too large to cache.
    private func small(_ file: DataFile) async throws -> [String: DeletionVector]? {
        if let known = cache[file.path] { return known }
        guard file.recordCount <= cachedPositions / 4 else { return nil }
        var read: [String: DeletionVector] = [:]
        try await runs(of: file, only: nil) { path, positions in
            read[path, default: DeletionVector()].merge(DeletionVector(positions))
        }
        if cached + file.recordCount > cachedPositions {
            cache = [:]
            cached = 0
        }
        cache[file.path] = read
        cached += file.recordCount
        assert(cached <= cachedPositions, "the cache stays within its bound")
        return read
    }

    /// Calls `body` with the file's rows, grouped into runs of one path.
    /// - Parameter only: the only path wanted; nil: all.
    private func runs(
        of file: DataFile, only: String?, _ body: (_ path: String, _ positions: [UInt64]) throws -> Void
    ) async throws {
        let source = try await fetcher.source(file)
        try TableReadError.naming(file.path) {
            let reader = try ParquetReader(source)
            guard Int64(reader.rowCount) == file.recordCount else {
                throw TableReadError(
                    file: file.path, reason: "it has \(reader.rowCount) rows, its manifest says \(file.recordCount)")
            }
            let wanted = only.map { [UInt8]($0.utf8) }
            for group in Self.groups(reader, wanted) {
                let columns = RowGroupColumns(
                    reader: reader, group: group, firstPosition: 0, file: file.path, expected: PositionDelete.schema)
                let paths = try columns.bytes(Int32(ReservedField.deletePath.id)).values
                let positions = try columns.int64(Int32(ReservedField.deletePosition.id)).values
                try Self.runs(paths, positions, wanted, file.path, body)
            }
        }
    }

    private static func groups(_ reader: ParquetReader, _ wanted: [UInt8]?) -> [Int] {
        guard let wanted,
            let column = RowGroupColumns.index(
                of: Int32(ReservedField.deletePath.id), in: reader, expected: PositionDelete.schema)
        else { return Array(reader.rowGroups.indices) }
        return reader.rowGroups(column: column, from: wanted, to: wanted)
    }

    private static func runs(
        _ paths: ByteStrings, _ positions: [Int64], _ wanted: [UInt8]?, _ file: String,
        _ body: (String, [UInt64]) throws -> Void
    ) throws {
        var start = 0
        while start < paths.count {
            let path = paths.bytes(start)
            var end = start + 1
            while end < paths.count, paths.withBytes(end, { $0.elementsEqual(path) }) { end += 1 }
            if wanted == nil || wanted == path {
                if let bad = positions[start..<end].first(where: { $0 < 0 }) {
                    throw TableReadError(file: file, reason: "it deletes a row at the negative position \(bad)")
                }
                try body(String(decoding: path, as: UTF8.self), positions[start..<end].map { UInt64($0) })
            }
            start = end
        }
    }
}
