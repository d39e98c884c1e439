// Where a reader's bytes come from: a file, ranges of an S3 object, memory. The caller brings it.

/// Random access to the bytes of one immutable file.
package protocol ByteSource {
    /// The file's size in bytes.
    var byteCount: Int { get }
    /// Exactly `length` bytes from `offset` on. The reader asks only for ranges within `byteCount`.
    /// - Throws: whatever kept the bytes from being read; a short read is an error too.
    func read(offset: Int, length: Int) throws -> [UInt8]
}

/// A file that is held in memory.
package struct MemorySource: ByteSource {
    private let bytes: [UInt8]

    /// A source of `bytes`.
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The number of bytes.
    package var byteCount: Int { bytes.count }

    /// The bytes of a range, which must lie within the whole.
    package func read(offset: Int, length: Int) throws -> [UInt8] {
        guard offset >= 0, length >= 0, offset <= bytes.count, length <= bytes.count - offset else {
            throw ParquetError.corrupt(position: offset, reason: "\(length) bytes asked for beyond the end")
        }
        return Array(bytes[offset..<offset + length])
    }
}

/// How much a reader takes from a file before it calls it too large, since sizes in a file may be lies.
package struct ReadLimits: Sendable {
    /// Bytes of the footer.
    package var footerBytes = 128 << 20
    /// Bytes of a page, before or after decompression.
    package var pageBytes = 512 << 20
    /// Bytes of a column chunk, compressed; and of a chunk's byte arrays after decompression.
    package var chunkBytes = 2 << 30
    /// Rows of a row group.
    package var rowGroupRows = 1 << 27

    /// The defaults, which files of common writers stay far below.
    package init() {}
}
