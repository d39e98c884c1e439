// Zstandard (RFC 8878) for whole buffers. A context takes hundreds of kilobytes to megabytes, so callers that compress
// pages reuse one.
import CZstd

/// Zstandard for single buffers. For many buffers use `ZstdCompressor` and `ZstdDecompressor`.
package enum Zstd {
    /// `bytes` as one zstd frame that states its content size.
    /// - Parameter level: 1 to 22; negative ones are faster. zstd clamps others.
    /// - Throws: `failed`.
    package static func compress(_ bytes: UnsafeRawBufferPointer, level: Int = 3) throws(CompressionError) -> [UInt8] {
        var output: [UInt8] = []
        try ZstdCompressor(level: level).compress(bytes, appendingTo: &output)
        return output
    }

    /// The content of one or more zstd frames, whether or not they state their size.
    /// - Throws: `tooLarge` when the content exceeds `limit` bytes, `truncated`, `corrupt`, or `failed` without memory.
    package static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        try ZstdDecompressor().decompress(bytes, limit: limit)
    }

    static func check(_ result: Int) throws(CompressionError) -> Int {
        guard ZSTD_isError(result) != 0 else { return result }
        throw .corrupt(.zstd, reason: String(cString: ZSTD_getErrorName(result)))
    }
}

/// A reusable zstd compression context, for one thread at a time (it is not `Sendable`).
package final class ZstdCompressor {
    private let context: OpaquePointer

    /// - Parameters:
    ///   - level: 1 to 22; negative ones are faster. zstd clamps others.
    ///   - checksum: whether each frame carries zstd's content checksum.
    /// - Throws: `failed` when there is no memory for a context.
    package init(level: Int = 3, checksum: Bool = false) throws(CompressionError) {
        guard let context = ZSTD_createCCtx() else { throw .failed(.zstd, reason: "no memory for a context") }
        self.context = context
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(clamping: level))
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// The largest size in bytes of a frame with `count` bytes of content.
    package static func bound(_ count: Int) -> Int { ZSTD_compressBound(count) }

    /// Writes `bytes` as one frame into `output` and returns the number of bytes written.
    /// - Throws: `failed` when `output` has less room than the frame needs; `bound(bytes.count)` is always enough.
    package func compress(
        _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        let written = ZSTD_compress2(context, output.baseAddress, output.count, bytes.baseAddress, bytes.count)
        guard ZSTD_isError(written) == 0 else {
            throw .failed(.zstd, reason: String(cString: ZSTD_getErrorName(written)))
        }
        return written
    }

    /// Appends `bytes` as one frame to `output` and returns the number of bytes appended.
    /// - Throws: `failed`; `output` is then unchanged.
    @discardableResult
    package func compress(
        _ bytes: UnsafeRawBufferPointer, appendingTo output: inout [UInt8]
    ) throws(CompressionError) -> Int {
        let start = output.count
        // Zeroing the bound is far cheaper than compressing it.
        output.append(contentsOf: repeatElement(0, count: Self.bound(bytes.count)))
        let room = output.count - start
        let written = output.withUnsafeMutableBytes { buffer in
            ZSTD_compress2(context, buffer.baseAddress.map { $0 + start }, room, bytes.baseAddress, bytes.count)
        }
        guard ZSTD_isError(written) == 0 else {
            output.removeLast(room)
            throw .failed(.zstd, reason: String(cString: ZSTD_getErrorName(written)))
        }
        output.removeLast(room - written)
        return written
    }
}

/// A reusable zstd decompression context, for one thread at a time (it is not `Sendable`).
package final class ZstdDecompressor {
    private let context: OpaquePointer

    /// Creates a context. It rejects frames with a window above 128 MiB as corrupt (zstd's default).
    /// - Throws: `failed` when there is no memory for a context.
    package init() throws(CompressionError) {
        guard let context = ZSTD_createDCtx() else { throw .failed(.zstd, reason: "no memory for a context") }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// Decompresses one or more whole frames into `output` and returns the number of bytes written.
    /// - Throws: `corrupt` when `bytes` are not whole frames or the content does not fit into `output`.
    package func decompress(
        _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) -> Int {
        try Zstd.check(
            ZSTD_decompressDCtx(context, output.baseAddress, output.count, bytes.baseAddress, bytes.count))
    }

    /// The content of one or more whole frames, at most `limit` bytes.
    /// - Throws: `tooLarge`, `truncated`, or `corrupt`.
    package func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var output: [UInt8] = []
        var hint = 1
        var full = true
        // After a full chunk the context may hold more output.
        while input.pos < input.size || (full && hint != 0) {
            let before = input.pos
            let chunk = nextChunk(&input, &hint)
            _ = try Zstd.check(hint)
            guard chunk.count <= limit - output.count else { throw .tooLarge(.zstd, limit: limit) }
            output.append(contentsOf: chunk)
            full = chunk.count == Self.chunkSize
            if chunk.isEmpty, input.pos == before { break }
        }
        guard hint == 0, bytes.count > 0 else { throw .truncated(.zstd) }
        return output
    }

    private static let chunkSize = ZSTD_DStreamOutSize()

    private func nextChunk(_ input: inout ZSTD_inBuffer, _ hint: inout Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.chunkSize) { buffer, count in
            var out = ZSTD_outBuffer(dst: buffer.baseAddress, size: Self.chunkSize, pos: 0)
            hint = ZSTD_decompressStream(context, &out, &input)
            count = out.pos
        }
    }
}
