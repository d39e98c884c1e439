// Reads a Parquet file through a `ByteSource`: the footer first, then column chunks one at a time on demand. The file
// is untrusted: invalid bytes throw an error with their position. Memory is bounded by the footer and one column chunk,
// both within `ReadLimits`.

/// A row group of a file.
package struct RowGroup: Sendable, Equatable {
    /// Number of rows.
    package let rowCount: Int
    /// The file's statistics of each column of the schema in this row group.
    package let statistics: [ColumnStatistics]
    /// Compressed size of each column of the schema, in bytes.
    package let byteCounts: [Int]
    /// The offset in the file of the row group's first page.
    package let offset: Int
}

/// Reads a Parquet file. Not thread-safe.
package final class ParquetReader {
    /// The file's flat columns. Their `encoding` is meaningless.
    package let schema: ParquetSchema
    /// Names of top-level columns that this reader cannot read: nested, repeated, or of an unsupported type.
    package var unreadableColumns: [String] { passedOver.map(\.name) }
    private let passedOver: [(name: String, type: String)]
    /// Number of rows in the file.
    package let rowCount: Int
    /// The row groups in file order.
    package let rowGroups: [RowGroup]
    /// The file's key-value metadata.
    package let metadata: [String: String]
    /// The writer's name in the file; nil when it states none.
    package let createdBy: String?
    private let source: any ByteSource
    private let limits: ReadLimits
    private let file: FileMetadata
    private let leaves: [Int]
    private let footerStart: Int

    /// Reads the footer of `source`.
    /// - Throws: `ParquetError` when it is not a Parquet file that this reader supports; the source's errors.
    package init(_ source: any ByteSource, limits: ReadLimits = ReadLimits()) throws {
        let footer = try Self.readFooter(source, limits)
        let file = try footer.bytes.withUnsafeBytes { bytes in
            var reader = CompactReader(bytes, origin: footer.offset)
            return try FileMetadata.read(&reader)
        }
        let flat = try FileSchema(file.schema, position: footer.offset)
        rowGroups = try file.rowGroups.map { try Self.rowGroup($0, flat, limits, footer.offset) }
        let total = rowGroups.reduce(0) { $0 + $1.rowCount }
        guard total == file.rowCount else {
            throw ParquetError.corrupt(
                position: footer.offset, reason: "\(file.rowCount) rows in the file, \(total) in its row groups")
        }
        self.source = source
        self.limits = limits
        self.file = file
        footerStart = footer.offset
        schema = ParquetSchema(flat.columns)
        leaves = flat.leaves
        passedOver = flat.passedOver
        rowCount = file.rowCount
        metadata = file.keyValues
        createdBy = file.createdBy
    }

    /// The type of a column that this reader cannot read, such as `TIMESTAMP(NANOS)`; nil for any other name.
    package func unreadableType(named name: String) -> String? { passedOver.first { $0.name == name }?.type }

    /// Decodes one column of one row group.
    /// - Throws: `ParquetError.invalid` for an index out of range, other `ParquetError`s for corrupt or unsupported
    ///   pages; the source's errors.
    package func read(column: Int, rowGroup: Int) throws -> ColumnChunk {
        let chunk = try self.chunk(column, rowGroup)
        let (start, length) = (chunk.start, chunk.compressedSize)
        // Some writers state an arbitrary offset for a chunk without rows.
        let isEmpty = rowGroups[rowGroup].rowCount == 0
        if !isEmpty { try checkRange(start, length, chunk.position, limits.chunkBytes) }
        let bytes = isEmpty ? [] : try source.read(offset: start, length: length)
        guard isEmpty || bytes.count == length else {
            throw ParquetError.corrupt(position: start, reason: "\(length) bytes requested, \(bytes.count) read")
        }
        var decoder = try ChunkDecoder(
            schema.columns[column], codec: chunk.codec, rowCount: rowGroups[rowGroup].rowCount, start: start,
            limits: limits)
        return try bytes.withUnsafeBytes { try decoder.decode($0) }
    }

    /// The page index of one column of one row group; nil when the file has none for it.
    /// - Throws: like `read`.
    package func pageIndex(column: Int, rowGroup: Int) throws -> PageIndex? {
        let chunk = try self.chunk(column, rowGroup)
        guard chunk.offsetIndex.length > 0 else { return nil }
        let pages = try part(chunk.offsetIndex, chunk.position) { try PageIndex.readOffsets(&$0) }
        var statistics: [ColumnStatistics] = []
        if chunk.columnIndex.length > 0 {
            statistics = try part(chunk.columnIndex, chunk.position) { try PageIndex.readStatistics(&$0) }
            guard statistics.count == pages.count else {
                throw ParquetError.corrupt(
                    position: chunk.columnIndex.offset, reason: "offset index and column index of unequal length")
            }
        }
        return PageIndex(pages: pages, statistics: statistics)
    }

    private func part<T>(
        _ part: ChunkMetadata.Part, _ position: Int, _ read: (inout CompactReader) throws -> T
    ) throws -> T {
        try checkRange(part.offset, part.length, position, limits.footerBytes)
        return try source.read(offset: part.offset, length: part.length).withUnsafeBytes { bytes in
            var reader = CompactReader(bytes, origin: part.offset)
            return try read(&reader)
        }
    }

    private func chunk(_ column: Int, _ rowGroup: Int) throws -> ChunkMetadata {
        guard schema.columns.indices.contains(column), rowGroups.indices.contains(rowGroup) else {
            throw ParquetError.invalid("no column \(column) or row group \(rowGroup) in the file")
        }
        let chunk = file.rowGroups[rowGroup].chunks[leaves[column]]
        guard !chunk.isElsewhere else {
            throw ParquetError.unsupported(
                position: chunk.position, what: "a column chunk that is encrypted or in another file")
        }
        guard chunk.physical == schema.columns[column].type.physical else {
            throw ParquetError.corrupt(
                position: chunk.position, reason: "a column chunk whose type differs from the schema's")
        }
        return chunk
    }

    private func checkRange(_ offset: Int, _ length: Int, _ position: Int, _ limit: Int) throws {
        guard length <= limit else {
            throw ParquetError.overLimit(
                position: position, what: "\(length) bytes at \(offset); the limit is \(limit)")
        }
        guard offset >= magic.count, offset <= footerStart, length <= footerStart - offset else {
            throw ParquetError.corrupt(
                position: position, reason: "\(length) bytes at \(offset) are not before the footer")
        }
    }

    private static func rowGroup(
        _ group: RowGroupMetadata, _ flat: FileSchema, _ limits: ReadLimits, _ position: Int
    ) throws -> RowGroup {
        guard group.chunks.count == flat.leafCount else {
            throw ParquetError.corrupt(
                position: group.position, reason: "\(group.chunks.count) column chunks for \(flat.leafCount) columns")
        }
        guard group.rowCount <= limits.rowGroupRows else {
            throw ParquetError.overLimit(
                position: group.position,
                what: "a row group of \(group.rowCount) rows; the limit is \(limits.rowGroupRows)")
        }
        let chunks = flat.leaves.map { group.chunks[$0] }
        if let odd = chunks.first(where: { $0.valueCount != group.rowCount }) {
            throw ParquetError.corrupt(
                position: odd.position, reason: "\(odd.valueCount) values in a row group of \(group.rowCount) rows")
        }
        return RowGroup(
            rowCount: group.rowCount, statistics: chunks.map(\.statistics), byteCounts: chunks.map(\.compressedSize),
            offset: chunks.map(\.start).min() ?? 0)
    }

    /// The footer's bytes and their position, in one read for most files.
    private static func readFooter(_ source: any ByteSource, _ limits: ReadLimits) throws -> (
        bytes: [UInt8], offset: Int
    ) {
        let size = source.byteCount
        guard size >= 12 else {
            throw ParquetError.corrupt(position: 0, reason: "\(size) bytes are too few for a Parquet file")
        }
        let tailLength = min(size, 64 * 1024)
        let tail = try source.read(offset: size - tailLength, length: tailLength)
        guard tail.count == tailLength else {
            throw ParquetError.corrupt(position: size, reason: "the file was truncated")
        }
        if tail.suffix(4) == Array("PARE".utf8)[...] {
            throw ParquetError.unsupported(position: size - 4, what: "encryption")
        }
        guard tail.suffix(4) == magic[...] else {
            throw ParquetError.corrupt(
                position: size - 4, reason: "no PAR1 at the end: not a Parquet file, or not a whole one")
        }
        let length = Int(UInt32(littleEndian: Array(tail[(tailLength - 8)..<(tailLength - 4)])) ?? 0)
        guard length <= size - 12 else {
            throw ParquetError.corrupt(position: size - 8, reason: "a footer of \(length) bytes in a file of \(size)")
        }
        guard length <= limits.footerBytes else {
            throw ParquetError.overLimit(position: size - 8, what: "a footer of \(length) bytes")
        }
        let offset = size - 8 - length
        if length + 8 <= tailLength { return (Array(tail[(tailLength - 8 - length)..<(tailLength - 8)]), offset) }
        return (try source.read(offset: offset, length: length), offset)
    }
}
