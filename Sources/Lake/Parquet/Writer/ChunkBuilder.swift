// Collects the pages of one column chunk (one column of one row group) in memory and then writes them to the sink.
// Writes version 1 data pages: every reader supports them, and version 2's separate, uncompressed levels gain nothing
// in a flat schema. Every page carries a CRC-32 of its bytes as stored.
import Compression

/// The state that a writer's columns share. They encode one page at a time, so one scratch buffer suffices.
final class WriterShared {
    let options: WriterOptions
    let compressor: ZstdCompressor?
    /// The page being encoded.
    let scratch = OutputBuffer(capacity: 256 * 1024)
    /// The page after compression.
    let packed = OutputBuffer(capacity: 256 * 1024)
    /// The page's dictionary indices, with room for `pageRows`.
    let indices: UnsafeMutableBufferPointer<UInt32>
    /// Bytes in memory for the open row group.
    var heldBytes = 0
    /// The first failure while appending.
    var failure: (any Error)?

    init(_ options: WriterOptions) throws {
        self.options = options
        if case .zstd(let level) = options.compression {
            compressor = try ZstdCompressor(level: level)
        } else {
            compressor = nil
        }
        indices = .allocate(capacity: options.pageRows)
    }

    deinit { indices.deallocate() }
}

/// A written column chunk, for the footer and the page index.
struct WrittenChunk {
    var encodings: [Encoding: Int] = [:]
    var hasDictionary = false
    var valueCount = 0
    var uncompressedSize = 0
    var compressedSize = 0
    var start = 0
    var dataPageOffset = 0
    var statistics: ColumnStatistics
    var index = PageIndex(pages: [], statistics: [])
    var pageRowCounts: [Int] = []
    var offsetIndex = ChunkMetadata.Part()
    var columnIndex = ChunkMetadata.Part()
}

final class ChunkBuilder {
    let column: Column
    let shared: WriterShared
    private let pages = OutputBuffer()
    private let dictionary = OutputBuffer(capacity: 64)
    private var chunk: WrittenChunk

    init(_ column: Column, _ shared: WriterShared) {
        self.column = column
        self.shared = shared
        chunk = WrittenChunk(statistics: Self.noStatistics(column))
    }

    /// Number of rows in the pages so far.
    var rowCount: Int { chunk.valueCount }

    private static func noStatistics(_ column: Column) -> ColumnStatistics {
        let floating = column.type == .float || column.type == .double
        return ColumnStatistics(nullCount: 0, nanCount: floating ? 0 : nil)
    }

    /// Clears the scratch buffer and writes the definition levels to it; the column appends its values.
    func beginPage(rows: Int, nulls: [UInt32]) -> OutputBuffer {
        let body = shared.scratch
        body.clear()
        guard column.isOptional else { return body }
        body.appendLittleEndian(0)
        Hybrid.encodeLevels(rows: rows, nulls: nulls, to: body)
        body.overwriteLittleEndian(UInt32(body.count - 4), at: 0)
        return body
    }

    /// Stores the scratch buffer as a data page.
    func endPage(rows: Int, nullCount: Int, encoding: Encoding, statistics: ColumnStatistics) throws {
        var statistics = statistics
        statistics.nullCount = nullCount
        var header = PageHeader()
        header.valueCount = rows
        header.encoding = encoding
        header.statistics = statistics
        let offset = pages.count
        try store(&header, body: shared.scratch.bytes, in: pages)
        chunk.index.pages.append(PageLocation(offset: offset, size: pages.count - offset, firstRow: chunk.valueCount))
        chunk.index.statistics.append(statistics)
        chunk.pageRowCounts.append(rows)
        chunk.encodings[encoding, default: 0] += 1
        chunk.statistics.merge(statistics, type: column.type)
        chunk.valueCount += rows
    }

    /// Stores the dictionary page of `count` PLAIN entries, which precedes the data pages in the file.
    func setDictionary(_ body: UnsafeRawBufferPointer, count: Int) throws {
        var header = PageHeader()
        header.type = .dictionary
        header.valueCount = count
        try store(&header, body: body, in: dictionary)
        chunk.hasDictionary = true
    }

    private func store(_ header: inout PageHeader, body: UnsafeRawBufferPointer, in target: OutputBuffer) throws {
        guard body.count <= Int(Int32.max) else {
            throw ParquetError.invalid(
                "a page of column \(column.name) has \(body.count) bytes, more than the format allows")
        }
        let start = target.count
        header.uncompressedSize = body.count
        let packed = try compressed(body)
        header.compressedSize = packed.count
        header.crc = CRC32.checksum(packed)
        let written = header.written(type: column.type)
        written.withUnsafeBytes { target.append($0) }
        target.append(packed)
        chunk.uncompressedSize += written.count + body.count
        shared.heldBytes += target.count - start
    }

    /// `body` compressed for the file, valid until the next call.
    private func compressed(_ body: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
        guard let compressor = shared.compressor else { return body }
        let room = ZstdCompressor.bound(body.count)
        shared.packed.clear()
        try shared.packed.append(upTo: room) { target in
            try compressor.compress(body, into: UnsafeMutableRawBufferPointer(start: target, count: room))
        }
        return shared.packed.bytes
    }

    /// Writes the chunk to `sink`, which is at `offset` in the file, and starts the next one.
    func finish(at offset: Int, _ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> WrittenChunk {
        chunk.start = offset
        chunk.dataPageOffset = offset + dictionary.count
        chunk.compressedSize = dictionary.count + pages.count
        for page in chunk.index.pages.indices { chunk.index.pages[page].offset += chunk.dataPageOffset }
        if dictionary.count > 0 { try sink(dictionary.bytes) }
        if pages.count > 0 { try sink(pages.bytes) }
        defer {
            dictionary.clear()
            pages.clear()
            chunk = WrittenChunk(statistics: Self.noStatistics(column))
        }
        return chunk
    }
}
