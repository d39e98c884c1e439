// Snappy's block format, for Parquet pages.
import CSnappy

/// Snappy's block format (no framing, no checksum).
package enum Snappy {
    /// `bytes` as one snappy block.
    /// - Throws: `failed`.
    package static func compress(_ bytes: UnsafeRawBufferPointer) throws(CompressionError) -> [UInt8] {
        var status = SNAPPY_OK
        let output = [UInt8](unsafeUninitializedCapacity: snappy_max_compressed_length(bytes.count)) { buffer, count in
            var length = buffer.count
            status = snappy_compress(
                bytes.orEmpty, bytes.count,
                UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self), &length)
            count = status == SNAPPY_OK ? length : 0
        }
        guard status == SNAPPY_OK else { throw .failed(.snappy, reason: "status \(status.rawValue)") }
        return output
    }

    /// The content of one snappy block.
    /// - Throws: `tooLarge` when the block declares more than `limit` bytes; `corrupt` when it is not a snappy block.
    package static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        var length = 0
        guard snappy_uncompressed_length(bytes.orEmpty, bytes.count, &length) == SNAPPY_OK else {
            throw .corrupt(.snappy, reason: "the length is missing")
        }
        guard length >= 0, length <= limit else { throw .tooLarge(.snappy, limit: limit) }
        // Bounds the allocation by the input: an element of the format yields at most 64 bytes and takes at least 2.
        guard length / 64 <= bytes.count else {
            throw .corrupt(.snappy, reason: "the length is beyond what the input can hold")
        }
        var status = SNAPPY_OK
        let output = [UInt8](unsafeUninitializedCapacity: max(length, 1)) { buffer, count in
            var room = length
            status = snappy_uncompress(
                bytes.orEmpty, bytes.count,
                UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self), &room)
            count = status == SNAPPY_OK ? room : 0
        }
        guard status == SNAPPY_OK, output.count == length else { throw .corrupt(.snappy, reason: "invalid block") }
        return output
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes as C's char, never nil: an empty buffer may have no address, and snappy does not accept NULL.
    fileprivate var orEmpty: UnsafePointer<CChar> {
        (baseAddress ?? UnsafeRawPointer(Self.anything)).assumingMemoryBound(to: CChar.self)
    }

    private static var anything: UnsafeRawPointer { UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped }
}
