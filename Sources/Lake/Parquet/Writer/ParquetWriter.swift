// Writes one Parquet file to a sink, front to back. Memory is bounded by one row group, the page index and the footer.
// Invariant: bytes reach the sink in file order, each once. After a failure the file cannot be completed, and every
// later call throws.

/// Writes a Parquet file with a flat schema. Get each column once with `int64(_:)` or a similar method, append one
/// value or null to every column, and close the row with `endRow`; or append many values to each column and close them
/// with `endRows`. Not thread-safe.
package final class ParquetWriter {
    /// Takes the file's bytes in order; they are valid only during the call.
    package typealias Sink = (UnsafeRawBufferPointer) throws -> Void

    /// The schema being written.
    package let schema: ParquetSchema
    /// Number of bytes written to the sink so far.
    package private(set) var byteCount = 0
    private let options: WriterOptions
    private let shared: WriterShared
    private let columns: [ColumnWriter]
    private let sink: Sink
    private var footer: Footer
    private var summaries: [ColumnSummary]
    @exclusivity(unchecked) private var rows = 0
    private var earlierRows = 0
    private var isFinished = false

    /// A writer of `schema` to `sink`.
    /// - Throws: `ParquetError.invalid` for a schema or options that cannot be written; `CompressionError` when zstd
    ///   cannot allocate memory.
    package init(schema: ParquetSchema, options: WriterOptions = WriterOptions(), sink: @escaping Sink) throws {
        try Self.check(schema, options)
        self.schema = schema
        self.options = options
        self.sink = sink
        let shared = try WriterShared(options)
        self.shared = shared
        columns = schema.columns.map { Self.column(ChunkBuilder($0, shared)) }
        footer = Footer(schema: schema, options: options, rowGroups: [])
        summaries = schema.columns.map {
            ColumnSummary(column: $0, byteCount: 0, valueCount: 0, statistics: ColumnStatistics(nullCount: 0))
        }
    }

    /// Number of rows closed so far.
    package var rowCount: Int { earlierRows + rows }

    /// The boolean column at `index` in the schema.
    /// - Throws: `ParquetError.invalid` when there is no such column or it has another type.
    package func boolean(_ index: Int) throws -> ScalarColumn<Bool> { try typed(index) }
    /// The int32 or date column at `index`; see `boolean(_:)`.
    package func int32(_ index: Int) throws -> ScalarColumn<Int32> { try typed(index) }
    /// The int64 or timestamp column at `index`; see `boolean(_:)`.
    package func int64(_ index: Int) throws -> ScalarColumn<Int64> { try typed(index) }
    /// The float column at `index`; see `boolean(_:)`.
    package func float(_ index: Int) throws -> ScalarColumn<Float> { try typed(index) }
    /// The double column at `index`; see `boolean(_:)`.
    package func double(_ index: Int) throws -> ScalarColumn<Double> { try typed(index) }
    /// The string or binary column at `index`; see `boolean(_:)`.
    package func bytes(_ index: Int) throws -> BytesColumn { try typed(index) }

    /// Closes a row; every column must have a value or null for it. May end the row group, which writes to the sink.
    /// - Throws: `ParquetError.invalid` for mistakes since the last call; the sink's errors.
    @inline(__always)
    package func endRow() throws { try endRows(1) }

    /// Closes `count` rows at once; see `endRow`. The row group cannot end within them, so it may exceed its limit.
    package func endRows(_ count: Int) throws {
        rows &+= count
        if rows >= options.rowGroupRows || shared.heldBytes >= options.rowGroupBytes || shared.failure != nil {
            try endRowGroup()
        }
    }

    /// Ends the current row group, if it has rows, and writes it to the sink.
    /// - Throws: like `endRow`.
    package func endRowGroup() throws {
        guard !isFinished else { throw ParquetError.invalid("the file is finished") }
        if let failure = shared.failure { throw failure }
        guard rows > 0 || columns.contains(where: { $0.rowCount > 0 }) else { return }
        do {
            try writeRowGroup()
        } catch {
            shared.failure = error
            throw error
        }
    }

    /// Ends the last row group and writes the footer. The file is complete when this returns.
    /// - Throws: like `endRow`.
    package func finish() throws -> FileSummary {
        try endRowGroup()
        isFinished = true
        try openFile()
        try footer.writePageIndexes(at: { byteCount }, emit)
        try emit(footer.written())
        return FileSummary(
            byteCount: byteCount, rowCount: rowCount, columns: summaries,
            splitOffsets: footer.rowGroups.compactMap { $0.chunks.first?.start })
    }

    private func writeRowGroup() throws {
        for column in columns where column.rowCount != rows {
            throw ParquetError.invalid(
                "column \(column.chunk.column.name) has \(column.rowCount) values where \(rows) rows were closed")
        }
        try openFile()
        var group = WrittenRowGroup(rowCount: rows, chunks: [])
        for (index, column) in columns.enumerated() {
            let chunk = try column.finishChunk(at: byteCount, emit)
            assert(byteCount == chunk.start + chunk.compressedSize, "the sink has the chunk at its stated place")
            group.chunks.append(chunk)
            summaries[index].byteCount += chunk.compressedSize
            summaries[index].valueCount += chunk.valueCount
            summaries[index].statistics.merge(chunk.statistics, type: schema.columns[index].type)
        }
        footer.rowGroups.append(group)
        earlierRows += rows
        rows = 0
        shared.heldBytes = 0
    }

    private func openFile() throws {
        if byteCount == 0 { try emit(magic) }
    }

    private func emit(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try emit($0) } }

    private func emit(_ bytes: UnsafeRawBufferPointer) throws {
        try sink(bytes)
        byteCount += bytes.count
    }

    private func typed<Typed: ColumnWriter>(_ index: Int) throws -> Typed {
        guard columns.indices.contains(index) else { throw ParquetError.invalid("no column \(index) in the schema") }
        guard let column = columns[index] as? Typed else {
            throw ParquetError.invalid("column \(schema.columns[index].name) is of type \(schema.columns[index].type)")
        }
        return column
    }

    private static func check(_ schema: ParquetSchema, _ options: WriterOptions) throws {
        guard !schema.columns.isEmpty else { throw ParquetError.invalid("a schema without columns") }
        guard Set(schema.columns.map(\.name)).count == schema.columns.count else {
            throw ParquetError.invalid("two columns of the same name")
        }
        let pageRows = 1...(1 << 24)
        guard pageRows.contains(options.pageRows), options.rowGroupRows > 0 else {
            throw ParquetError.invalid("pages of \(options.pageRows) rows or row groups of \(options.rowGroupRows)")
        }
        guard options.pageBytes <= 1 << 30, options.dictionaryBytes <= 1 << 30 else {
            throw ParquetError.invalid("pages or dictionaries of more than 1 GiB")
        }
        for column in schema.columns where column.encoding == .delta {
            guard column.type.physical == .int32 || column.type.physical == .int64 else {
                throw ParquetError.invalid("delta encoding for column \(column.name) of type \(column.type)")
            }
        }
    }

    private static func column(_ chunk: ChunkBuilder) -> ColumnWriter {
        switch chunk.column.type.physical {
        case .boolean:
            let encoder = BooleanEncoder(chunk)
            return ScalarColumn<Bool>(chunk, encode: { values, nulls, _ in try encoder.encode(values, nulls: nulls) }) {
            }
        case .int32:
            let encoder = NumberEncoder<Int32>(chunk) { Delta.encode($0, to: $1) }
            return ScalarColumn<Int32>(chunk, encode: { try encoder.encode($0, nulls: $1, isLast: $2) }) {
                try encoder.finishDictionary()
            }
        case .int64:
            let encoder = NumberEncoder<Int64>(chunk) { Delta.encode($0, to: $1) }
            return ScalarColumn<Int64>(chunk, encode: { try encoder.encode($0, nulls: $1, isLast: $2) }) {
                try encoder.finishDictionary()
            }
        case .float:
            let encoder = NumberEncoder<Float>(chunk, delta: nil)
            return ScalarColumn<Float>(chunk, encode: { try encoder.encode($0, nulls: $1, isLast: $2) }) {
                try encoder.finishDictionary()
            }
        case .double:
            let encoder = NumberEncoder<Double>(chunk, delta: nil)
            return ScalarColumn<Double>(chunk, encode: { try encoder.encode($0, nulls: $1, isLast: $2) }) {
                try encoder.finishDictionary()
            }
        case .byteArray, .int96, .fixedLengthByteArray: return BytesColumn(chunk)
        }
    }
}
