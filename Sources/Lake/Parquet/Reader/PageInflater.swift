// Decompresses pages of one column chunk into a buffer that is used again for each.
internal import Compression

final class PageInflater {
    private let codec: PageCodec
    private let columnName: String
    private let buffer = OutputBuffer(capacity: 64)
    private var unpacked: [UInt8] = []
    private var zstd: ZstdDecompressor?

    /// - Throws: `ParquetError.unsupported` for a codec that is not read; `position` is the chunk's.
    init(codec: Int32, columnName: String, position: Int) throws {
        guard let known = PageCodec(rawValue: codec), [.uncompressed, .snappy, .zstd].contains(known) else {
            throw ParquetError.unsupported(
                position: position,
                what: "compression codec \(codec) in column \(columnName); zstd, snappy and none are read")
        }
        self.codec = known
        self.columnName = columnName
    }

    /// A page's bytes after decompression, of which there must be exactly `size`; valid until the next call.
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
        // Nothing may be stored as nothing, without even an empty frame.
        if codec == .uncompressed || (size == 0 && packed.count == 0) { return packed }
        buffer.clear()
        if codec == .snappy {
            let bytes = try Snappy.decompress(packed, limit: size)
            bytes.withUnsafeBytes { buffer.append($0) }
        } else {
            let context = try zstd ?? ZstdDecompressor()
            zstd = context
            try buffer.append(upTo: size) { target in
                try context.decompress(packed, into: UnsafeMutableRawBufferPointer(start: target, count: size))
            }
        }
        return buffer.bytes
    }
}
