// Decodes the pages of one column chunk: header, checksum, decompression, levels, values (parquet-format, README.md,
// Data Pages). A page is decoded only within its own bytes and throws beyond them.
// Invariant: the pages give exactly the row group's rows. A page with too many rows, or too few pages, throws.
import Compression

struct ChunkDecoder {
    private let column: Column
    private let inflater: PageInflater
    private let rowCount: Int
    /// The position in the file of the chunk's first byte.
    private let start: Int
    private let limits: ReadLimits
    private let values: ValueDecoder
    private var rows = 0

    init(_ column: Column, codec: Int32, rowCount: Int, start: Int, limits: ReadLimits) throws {
        inflater = try PageInflater(codec: codec, columnName: column.name, position: start)
        self.column = column
        self.rowCount = rowCount
        self.start = start
        self.limits = limits
        values = ValueDecoder.make(column, rowCount: rowCount, limits: limits)
    }

    mutating func decode(_ bytes: UnsafeRawBufferPointer) throws -> ColumnChunk {
        var offset = 0
        while rows < rowCount {
            let position = start + offset
            guard offset < bytes.count else {
                throw ParquetError.corrupt(
                    position: position, reason: "column \(column.name) ends after \(rows) of \(rowCount) rows")
            }
            var reader = CompactReader(UnsafeRawBufferPointer(rebasing: bytes[offset...]), origin: position)
            let header = try PageHeader.read(&reader)
            let bodyStart = offset + reader.offset
            guard header.compressedSize <= bytes.count - bodyStart else {
                throw ParquetError.corrupt(
                    position: position, reason: "a page of \(header.compressedSize) bytes beyond its chunk")
            }
            guard max(header.compressedSize, header.uncompressedSize) <= limits.pageBytes else {
                throw ParquetError.overLimit(position: position, what: "a page of \(header.uncompressedSize) bytes")
            }
            let body = UnsafeRawBufferPointer(rebasing: bytes[bodyStart..<bodyStart + header.compressedSize])
            if let crc = header.crc, crc != CRC32.checksum(body) {
                throw ParquetError.corrupt(
                    position: position, reason: "the checksum of a page of column \(column.name) is wrong")
            }
            try decodePage(header, body, position)
            offset = bodyStart + header.compressedSize
        }
        assert(
            rows == rowCount && (values.validity.isEmpty || values.validity.count == rowCount),
            "a chunk has the row group's rows")
        return ColumnChunk(column: column, values: try inMicroseconds(values.result()), validity: values.validity)
    }

    private func inMicroseconds(_ values: ColumnValues) throws -> ColumnValues {
        guard column.isInMilliseconds, case .int64(let milliseconds) = values else { return values }
        return .int64(
            try milliseconds.map { value in
                let (product, overflow) = value.multipliedReportingOverflow(by: 1000)
                guard !overflow else {
                    throw ParquetError.corrupt(
                        position: start, reason: "\(value) milliseconds in column \(column.name) are out of range")
                }
                return product
            })
    }

    private mutating func decodePage(_ header: PageHeader, _ body: UnsafeRawBufferPointer, _ position: Int) throws {
        switch header.type {
        case .index: break
        case .dictionary:
            guard header.encoding == .plain || header.encoding == .plainDictionary else {
                throw ParquetError.unsupported(position: position, what: "a dictionary in encoding \(header.encoding)")
            }
            let bytes = try inflater.inflate(body, to: header.uncompressedSize, position)
            var input = InputBytes(bytes, position: position)
            try values.setDictionary(&input, count: header.valueCount)
        case .data: try decodeV1(header, body, position)
        case .dataV2: try decodeV2(header, body, position)
        }
    }

    private mutating func decodeV1(_ header: PageHeader, _ body: UnsafeRawBufferPointer, _ position: Int) throws {
        try checkRows(header, position)
        guard !column.isOptional || header.definitionLevelEncoding == .rle else {
            throw ParquetError.unsupported(
                position: position, what: "levels in encoding \(header.definitionLevelEncoding)")
        }
        var input = InputBytes(try inflater.inflate(body, to: header.uncompressedSize, position), position: position)
        var levels: InputBytes?
        if column.isOptional {
            let length = try input.littleEndian(bytes: 4)
            levels = InputBytes(try input.take(Int(length)), position: position)
        }
        try values.decodePage(&input, levels: levels, rows: header.valueCount, encoding: header.encoding)
        rows += header.valueCount
    }

    /// Decodes a version 2 page, whose levels precede the values and are not compressed.
    private mutating func decodeV2(_ header: PageHeader, _ body: UnsafeRawBufferPointer, _ position: Int) throws {
        try checkRows(header, position)
        var input = InputBytes(body, position: position)
        _ = try input.take(header.repetitionLevelBytes)
        let levelBytes = InputBytes(try input.take(header.definitionLevelBytes), position: position)
        let levels = column.isOptional ? levelBytes : nil
        let before = header.repetitionLevelBytes + header.definitionLevelBytes
        guard before <= header.uncompressedSize else { throw input.corrupt("levels larger than their page") }
        let packed = input.rest()
        let bytes =
            header.isCompressed ? try inflater.inflate(packed, to: header.uncompressedSize - before, position) : packed
        var values = InputBytes(bytes, position: position)
        try self.values.decodePage(&values, levels: levels, rows: header.valueCount, encoding: header.encoding)
        rows += header.valueCount
    }

    private func checkRows(_ header: PageHeader, _ position: Int) throws {
        guard header.valueCount <= rowCount - rows else {
            throw ParquetError.corrupt(
                position: position, reason: "a page of \(header.valueCount) rows where \(rowCount - rows) are left")
        }
    }
}
