// LZ4's block format, as Parquet pages have it: bare (LZ4_RAW), or in the frames of Hadoop's streams (LZ4, which is no
// longer to be written: github.com/apache/parquet-format, Compression.md).
import CLZ4

/// LZ4 blocks.
package enum LZ4 {
    /// The content of one block, written to `target`.
    /// - Returns: how many bytes it has.
    /// - Throws: `corrupt` when it is no block, or holds more than `target` takes.
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
        guard count >= 0 else { throw .corrupt(.lz4, reason: "no block of at most \(target.count) bytes") }
        return Int(count)
    }

    /// The content of Hadoop's frames: the number of bytes (big endian), then blocks until these are there, each after
    /// its size. Some writers meant a bare block by the same name; that is taken too.
    /// - Returns: how many bytes it has.
    /// - Throws: `corrupt`.
    package static func decompressFrames(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        if let count = frames(bytes, into: target) { return count }
        return try decompress(bytes, into: target)
    }

    /// nil when they are no frames.
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
