// LZ4's block format in Parquet pages: bare (LZ4_RAW), or in Hadoop's frames (LZ4, deprecated for writers:
// github.com/apache/parquet-format, Compression.md).
import CLZ4

/// LZ4 blocks.
package enum LZ4 {
    /// Decompresses one block into `target`.
    /// - Returns: the number of bytes written.
    /// - Throws: `corrupt` when `block` is not a block or its content does not fit into `target`; `tooLarge` when a
    ///   buffer exceeds 2 GiB - 1 byte.
    package static func decompress(
        _ block: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        let largest = Int(Int32.max)
        guard block.count <= largest, target.count <= largest else { throw .tooLarge(.lz4, limit: largest) }
        guard let source = block.baseAddress, let place = target.baseAddress else {
            guard block.isEmpty else { throw .tooLarge(.lz4, limit: target.count) }
            return 0
        }
        let count = LZ4_decompress_safe(
            source.assumingMemoryBound(to: CChar.self), place.assumingMemoryBound(to: CChar.self),
            Int32(block.count), Int32(target.count))
        guard count >= 0 else { throw .corrupt(.lz4, reason: "not a block of at most \(target.count) bytes") }
        return Int(count)
    }

    /// Decompresses Hadoop's frames into `target`. A frame is the length of its content, then blocks up to that length,
    /// each after its compressed size; both numbers are u32, big-endian. Some writers use the same codec name for a
    /// bare block, which is accepted too.
    /// - Returns: the number of bytes written.
    /// - Throws: `corrupt`, or `tooLarge` as for a bare block.
    package static func decompressFrames(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        if let count = frames(bytes, into: target) { return count }
        return try decompress(bytes, into: target)
    }

    /// The number of bytes written; nil when `bytes` are not frames.
    private static func frames(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var (read, written) = (0, 0)
        while read < bytes.count {
            guard let size = number(bytes, &read), size <= target.count - written else { return nil }
            let end = written + size
            while written < end {
                guard let length = number(bytes, &read), length > 0, length <= bytes.count - read else { return nil }
                let block = UnsafeRawBufferPointer(rebasing: bytes[read..<read + length])
                let room = UnsafeMutableRawBufferPointer(rebasing: target[written..<end])
                guard let count = try? decompress(block, into: room), count > 0 else { return nil }
                (read, written) = (read + length, written + count)
            }
        }
        return written
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, _ read: inout Int) -> Int? {
        guard bytes.count - read >= 4 else { return nil }
        defer { read += 4 }
        return Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: read, as: UInt32.self)))
    }
}
