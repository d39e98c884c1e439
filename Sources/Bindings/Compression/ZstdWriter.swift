// A streaming zstd writer that passes compressed bytes to a sink.
// Memory is one zstd context and one output buffer, whatever the length of the content. After an error every later call
// throws, since it is unknown how much reached the sink.
import CZstd

/// Writes zstd frames with content checksums to a sink, on one thread at a time (it is not `Sendable`).
package final class ZstdWriter {
    /// Receives compressed bytes in order; they are valid only during the call.
    package typealias Sink = (UnsafeRawBufferPointer) throws -> Void

    private let context: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer
    private let sink: Sink
    private var broken = false
    private var open = false
    /// Bytes of content since the writer was created.
    package private(set) var bytesIn = 0
    /// Bytes of compressed output since the writer was created.
    package private(set) var bytesOut = 0

    /// A writer at `level` (1 to 22; negative ones are faster) whose output goes to `sink`.
    /// - Throws: `failed` when there is no memory for a context.
    package init(level: Int = 3, sink: @escaping Sink) throws(CompressionError) {
        guard let context = ZSTD_createCCtx() else { throw .failed(.zstd, reason: "no memory for a context") }
        self.context = context
        self.sink = sink
        buffer = .allocate(byteCount: ZSTD_CStreamOutSize(), alignment: 16)
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(clamping: level))
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit {
        ZSTD_freeCCtx(context)
        buffer.deallocate()
    }

    /// Compresses `bytes`, and opens a frame when none is open. zstd buffers output until a block is full.
    /// - Throws: what the sink throws, or `CompressionError`; `failed` after an earlier error.
    package func append(_ bytes: UnsafeRawBufferPointer) throws {
        try drive(bytes, ZSTD_e_continue)
    }

    /// Passes all buffered content to the sink, so that a reader of the output sees it. Lowers the compression ratio.
    /// - Throws: as `append`.
    package func flush() throws {
        guard open else { return }
        try drive(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_flush)
    }

    /// Ends the frame; the next `append` opens another. Without an open frame it writes an empty one.
    /// - Throws: as `append`.
    package func finish() throws {
        try drive(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end)
        open = false
    }

    private func drive(_ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective) throws {
        guard !broken else { throw CompressionError.failed(.zstd, reason: "the writer failed before") }
        // Cleared only at the end, so that any throw leaves the writer broken.
        broken = true
        open = true
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var left = 1
        while directive == ZSTD_e_continue ? input.pos < input.size : left != 0 {
            var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            left = ZSTD_compressStream2(context, &output, &input, directive)
            guard ZSTD_isError(left) == 0 else {
                throw CompressionError.failed(.zstd, reason: String(cString: ZSTD_getErrorName(left)))
            }
            if output.pos > 0 { try sink(UnsafeRawBufferPointer(rebasing: buffer[..<output.pos])) }
            bytesOut += output.pos
        }
        bytesIn += bytes.count
        broken = false
    }
}
