// The one error type of this target. A decompressor throws instead of returning more bytes than the caller's limit.

/// A compressed format, for messages.
package enum Codec: String, Sendable {
    /// Zstandard frames (RFC 8878).
    case zstd
    /// Snappy's block format (no framing).
    case snappy
    /// Raw deflate (RFC 1951): no zlib or gzip header.
    case deflate
    /// Gzip (RFC 1952), one or more members.
    case gzip
    /// LZ4's block format, bare or in Hadoop's frames.
    case lz4
}

/// Why bytes could not be compressed or decompressed.
package enum CompressionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes violate the format; `reason` is the library's message.
    case corrupt(Codec, reason: String)
    /// The content is larger than `limit` bytes: the caller's limit, or the library's for one call.
    case tooLarge(Codec, limit: Int)
    /// The input ended within a frame or block.
    case truncated(Codec)
    /// The library failed for a reason other than the input (out of memory, unknown level).
    case failed(Codec, reason: String)

    /// One line: the format and the fault.
    package var description: String {
        switch self {
        case .corrupt(let codec, let reason): "corrupt \(codec.rawValue) data: \(reason)"
        case .tooLarge(let codec, let limit): "\(codec.rawValue) content is larger than the limit of \(limit) bytes"
        case .truncated(let codec): "\(codec.rawValue) data ends early"
        case .failed(let codec, let reason): "\(codec.rawValue) failed: \(reason)"
        }
    }
}
