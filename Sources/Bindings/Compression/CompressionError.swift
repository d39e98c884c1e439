// The one error type of this target. Invariant: no decompressor ever returns more than its caller's limit.

/// The compressed formats this target knows; used in messages.
package enum Codec: String, Sendable {
    /// Zstandard frames (RFC 8878).
    case zstd
    /// Snappy's block format (no framing).
    case snappy
    /// Raw deflate (RFC 1951): no zlib or gzip header.
    case deflate
    /// Members of gzip (RFC 1952), one after the other.
    case gzip
    /// LZ4's block format, bare or framed as Hadoop does.
    case lz4
}

/// Why bytes could not be compressed or decompressed.
package enum CompressionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes are not what the format says; `reason` is the library's own word for it.
    case corrupt(Codec, reason: String)
    /// The content is larger than the `limit` in bytes that the caller set, or than the library can take at once.
    case tooLarge(Codec, limit: Int)
    /// The input ended within a frame or block.
    case truncated(Codec)
    /// The library refused to work for a reason other than the input (no memory, unknown level).
    case failed(Codec, reason: String)

    /// One line: which format, and what is wrong with it.
    package var description: String {
        switch self {
        case .corrupt(let codec, let reason): "corrupt \(codec.rawValue) data: \(reason)"
        case .tooLarge(let codec, let limit): "\(codec.rawValue) content is larger than the limit of \(limit) bytes"
        case .truncated(let codec): "\(codec.rawValue) data ends early"
        case .failed(let codec, let reason): "\(codec.rawValue) failed: \(reason)"
        }
    }
}
