// Compression codecs for the blocks of a container file (Avro 1.11.1, Object Container Files: Required and Optional
// Codecs).
import Compression

/// A codec; the raw value is its name in `avro.codec`.
package enum AvroCodec: String, Sendable, CaseIterable {
    /// No compression.
    case null
    /// Raw deflate (RFC 1951); Iceberg's Java library calls it gzip.
    case deflate
    /// Zstandard (RFC 8878).
    case zstandard
    /// Snappy, followed by the big-endian CRC-32 of the uncompressed content.
    case snappy
}

extension AvroCodec {
    func compress(_ bytes: [UInt8]) throws(AvroError) -> [UInt8] {
        do {
            return try bytes.lend { content throws(CompressionError) in
                switch self {
                case .null: return [UInt8](content)
                case .deflate: return try Deflate.compress(content)
                case .zstandard: return try Zstd.compress(content)
                case .snappy:
                    return try Snappy.compress(content)
                        + withUnsafeBytes(of: CRC32.checksum(content).bigEndian) { [UInt8]($0) }
                }
            }
        } catch { throw AvroError("a block cannot be compressed: \(error)") }
    }

    /// Decompresses a block. Throws `CompressionError` when the content has more than `limit` bytes or is corrupt.
    func decompress(_ block: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        switch self {
        case .null: return [UInt8](block)
        case .deflate: return try Self.inflate(block, limit: limit)
        case .zstandard: return try Zstd.decompress(block, limit: limit)
        case .snappy: return try Self.unsnap(block, limit: limit)
        }
    }

    /// Inflates a block. Python's writers cut zlib's stream to `[2:-1]`, so three bytes of its checksum follow the
    /// content.
    private static func inflate(_ block: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        do throws(CompressionError) {
            return try Deflate.decompress(block, limit: limit)
        } catch {
            guard case .corrupt = error, block.count > 3,
                let content = try? Deflate.decompress(UnsafeRawBufferPointer(rebasing: block.dropLast(3)), limit: limit)
            else { throw error }
            return content
        }
    }

    private static func unsnap(_ block: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        guard block.count >= 4 else { throw .truncated(.snappy) }
        let content = try Snappy.decompress(UnsafeRawBufferPointer(rebasing: block.dropLast(4)), limit: limit)
        let stated = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: block.count - 4, as: UInt32.self))
        guard CRC32.checksum(content) == stated else { throw .corrupt(.snappy, reason: "checksum mismatch") }
        return content
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` with typed throws.
    func lend<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome: Swift.Result<Result, Failure> = withUnsafeBytes { buffer in
            do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
