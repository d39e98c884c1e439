// The source of a reader's bytes: a file, ranges of an S3 object, or memory.

/// Random access to the bytes of one immutable file.
package protocol ByteSource {
    /// The file's size in bytes.
    var byteCount: Int { get }
    /// Reads exactly `length` bytes at `offset`. The reader requests only ranges within `byteCount`.
    /// - Throws: the source's error; also for a short read.
    func read(offset: Int, length: Int) throws -> [UInt8]
}

/// A file in memory.
package struct MemorySource: ByteSource {
    private let bytes: [UInt8]

    /// A source of `bytes`.
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The number of bytes.
    package var byteCount: Int { bytes.count }

    /// Copies a range. Throws `corrupt` when it is not within the bytes.
    package func read(offset: Int, length: Int) throws -> [UInt8] {
        guard offset >= 0, length >= 0, offset <= bytes.count, length <= bytes.count - offset else {
            throw ParquetError.corrupt(position: offset, reason: "\(length) bytes requested beyond the end")
        }
        return Array(bytes[offset..<offset + length])
    }
}

/// Bounds on a file, all inclusive; the reader throws `overLimit` beyond them. Sizes stated in a file are untrusted.
package struct ReadLimits: Sendable {
    /// Size of the footer, in bytes.
    package var footerBytes = 128 << 20
    /// Size of a page, in bytes, before and after decompression.
    package var pageBytes = 512 << 20
    /// Size of a compressed column chunk, and of its byte arrays after decompression, in bytes.
    package var chunkBytes = 2 << 30
    /// Number of rows in a row group.
    package var rowGroupRows = 1 << 27

    /// The defaults, far above the files of common writers.
    package init() {}
}
