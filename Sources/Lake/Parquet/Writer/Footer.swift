// Writes the page indexes and the footer of a file (parquet.thrift, FileMetaData).

/// A written row group, for the footer.
struct WrittenRowGroup {
    var rowCount: Int
    var chunks: [WrittenChunk]
}

struct Footer {
    let schema: ParquetSchema
    let options: WriterOptions
    var rowGroups: [WrittenRowGroup]

    /// Writes all column indexes, then all offset indexes, to `emit`, and records their positions.
    mutating func writePageIndexes(at position: () -> Int, _ emit: ([UInt8]) throws -> Void) throws {
        try forEachChunk { chunk, column in
            guard let bytes = chunk.index.writtenStatistics(type: column.type, rowCounts: chunk.pageRowCounts) else {
                return
            }
            chunk.columnIndex = ChunkMetadata.Part(offset: position(), length: bytes.count)
            try emit(bytes)
        }
        try forEachChunk { chunk, _ in
            let bytes = chunk.index.writtenOffsets()
            chunk.offsetIndex = ChunkMetadata.Part(offset: position(), length: bytes.count)
            try emit(bytes)
        }
    }

    private mutating func forEachChunk(_ body: (inout WrittenChunk, Column) throws -> Void) rethrows {
        for group in rowGroups.indices {
            for column in schema.columns.indices {
                try body(&rowGroups[group].chunks[column], schema.columns[column])
            }
        }
    }

    /// The footer, its length and the closing magic.
    func written() -> [UInt8] {
        var out = CompactWriter()
        out.listedStructure { out in
            out.i32(1, 2)
            out.list(2, of: .structure, [nil] + schema.columns.map { Optional($0) }) { out, column in
                if let column {
                    SchemaElement.write(column, to: &out)
                } else {
                    SchemaElement.writeRoot(schema.columns.count, to: &out)
                }
            }
            out.i64(3, rowGroups.reduce(0) { $0 + $1.rowCount })
            out.list(4, of: .structure, Array(rowGroups.enumerated())) { writeRowGroup($1.element, $1.offset, to: &$0) }
            if !options.metadata.isEmpty {
                out.list(5, of: .structure, options.metadata) { out, pair in
                    out.listedStructure { out in
                        out.string(1, pair.key)
                        out.string(2, pair.value)
                    }
                }
            }
            out.string(6, options.createdBy)
            // Without the order of each column, readers ignore the bounds.
            out.list(7, of: .structure, schema.columns) { out, _ in out.listedStructure { $0.structure(1) { _ in } } }
        }
        let length = UInt32(out.bytes.count)
        return out.bytes + length.littleEndianBytes + magic
    }

    private func writeRowGroup(_ group: WrittenRowGroup, _ ordinal: Int, to out: inout CompactWriter) {
        out.listedStructure { out in
            out.list(1, of: .structure, Array(zip(schema.columns, group.chunks))) { writeChunk($1.1, $1.0, to: &$0) }
            out.i64(2, group.chunks.reduce(0) { $0 + $1.uncompressedSize })
            out.i64(3, group.rowCount)
            if let first = group.chunks.first { out.i64(5, first.start) }
            out.i64(6, group.chunks.reduce(0) { $0 + $1.compressedSize })
            if let ordinal = Int16(exactly: ordinal) { out.i16(7, ordinal) }
        }
    }

    private func writeChunk(_ chunk: WrittenChunk, _ column: Column, to out: inout CompactWriter) {
        out.listedStructure { out in
            out.i64(2, 0)
            out.structure(3) { writeMetadata(chunk, column, to: &$0) }
            out.i64(4, chunk.offsetIndex.offset)
            out.i32(5, Int32(chunk.offsetIndex.length))
            if chunk.columnIndex.length > 0 {
                out.i64(6, chunk.columnIndex.offset)
                out.i32(7, Int32(chunk.columnIndex.length))
            }
        }
    }

    private func writeMetadata(_ chunk: WrittenChunk, _ column: Column, to out: inout CompactWriter) {
        let dataEncodings = chunk.encodings.sorted { $0.key.rawValue < $1.key.rawValue }
        var encodings = Set(dataEncodings.map { $0.key.rawValue })
        encodings.insert(Encoding.rle.rawValue)
        if chunk.hasDictionary { encodings.insert(Encoding.plain.rawValue) }
        var pageKinds = dataEncodings.map { (PageType.data, $0.key, $0.value) }
        if chunk.hasDictionary { pageKinds.insert((.dictionary, .plain, 1), at: 0) }
        out.i32(1, column.type.physical.rawValue)
        out.list(2, of: .i32, encodings.sorted()) { $0.zigzag(Int64($1)) }
        out.list(3, of: .binary, [column.name]) { $0.listedBinary(Array($1.utf8)) }
        out.i32(4, (options.compression == .none ? PageCodec.uncompressed : .zstd).rawValue)
        out.i64(5, chunk.valueCount)
        out.i64(6, chunk.uncompressedSize)
        out.i64(7, chunk.compressedSize)
        out.i64(9, chunk.dataPageOffset)
        if chunk.hasDictionary { out.i64(11, chunk.start) }
        chunk.statistics.write(12, to: &out, type: column.type)
        out.list(13, of: .structure, pageKinds) { out, kind in
            out.listedStructure { out in
                out.i32(1, kind.0.rawValue)
                out.i32(2, kind.1.rawValue)
                out.i32(3, Int32(kind.2))
            }
        }
    }
}
