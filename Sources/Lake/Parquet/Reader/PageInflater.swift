// Decompresses the pages of one column chunk into a reused buffer.
import Compression

final class PageInflater {
    private let codec: PageCodec
    private let columnName: String
    private let buffer = OutputBuffer(capacity: 64)
    private var zstd: ZstdDecompressor?

    /// A decompressor for one codec of parquet.thrift.
    /// - Throws: `ParquetError.unsupported` for an unknown codec, lzo and brotli; `position` is the chunk's.
    init(codec: Int32, columnName: String, position: Int) throws {
        guard let known = PageCodec(rawValue: codec), ![.lzo, .brotli].contains(known) else {
            let name = PageCodec(rawValue: codec).map { "\($0)" } ?? "number \(codec)"
            throw ParquetError.unsupported(
                position: position,
                what: "compression codec \(name) in column \(columnName); supported: zstd, snappy, gzip, lz4, none")
        }
        self.codec = known
        self.columnName = columnName
    }

    /// A page's bytes after decompression, valid until the next call. Throws `corrupt` unless there are exactly `size`.
    func inflate(_ packed: UnsafeRawBufferPointer, to size: Int, _ position: Int) throws -> UnsafeRawBufferPointer {
        let result: UnsafeRawBufferPointer
        do {
            result = try inflate(packed, to: size)
        } catch let error as CompressionError {
            throw ParquetError.corrupt(position: position, reason: "\(error) (column \(columnName))")
        }
        guard result.count == size else {
            throw ParquetError.corrupt(position: position, reason: "a page of \(size) bytes has \(result.count)")
        }
        return result
    }

    private func inflate(_ packed: UnsafeRawBufferPointer, to size: Int) throws -> UnsafeRawBufferPointer {
        // Some writers store an empty page without even an empty frame.
        if codec == .uncompressed || (size == 0 && packed.count == 0) { return packed }
        buffer.clear()
        switch codec {
        case .snappy: try Snappy.decompress(packed, limit: size).withUnsafeBytes { buffer.append($0) }
        case .gzip: try Gzip.decompress(packed, limit: size).withUnsafeBytes { buffer.append($0) }
        case .lz4: try fill(size) { try LZ4.decompressFrames(packed, into: $0) }
        case .lz4Raw: try fill(size) { try LZ4.decompress(packed, into: $0) }
        case .zstd:
            let context = try zstd ?? ZstdDecompressor()
            zstd = context
            try fill(size) { try context.decompress(packed, into: $0) }
        case .uncompressed, .lzo, .brotli: preconditionFailure("refused by init, or returned above")
        }
        return buffer.bytes
    }

    private func fill(_ size: Int, _ write: (UnsafeMutableRawBufferPointer) throws -> Int) throws {
        try buffer.append(upTo: size) { try write(UnsafeMutableRawBufferPointer(start: $0, count: size)) }
    }
}
