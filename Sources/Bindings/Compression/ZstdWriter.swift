// A streaming zstd writer: bytes in, compressed bytes out to a sink as they come.
// Invariants: memory is bounded by zstd's context and one output buffer, whatever the length of the content;
// after an error from the sink the writer takes nothing more, since what reached the sink is unknown.
import CZstd

/// Writes zstd frames (with zstd's content checksum) to a sink. Not to be used by two threads at a time.
package final class ZstdWriter {
    /// Takes compressed bytes in order; they are valid only during the call.
    package typealias Sink = (UnsafeRawBufferPointer) throws -> Void

    private let context: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer
    private let sink: Sink
    private var broken = false
    private var open = false
    /// Bytes of content taken since the writer was made.
    package private(set) var bytesIn = 0
    /// Bytes of compressed output handed to the sink since the writer was made.
    package private(set) var bytesOut = 0

    /// A writer at `level` (1 to 22, negative ones faster) whose output goes to `sink`.
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

    /// Takes `bytes`, opening a frame when none is open. Output reaches the sink in blocks, not at once.
    package func append(_ bytes: UnsafeRawBufferPointer) throws {
        try drive(bytes, ZSTD_e_continue)
    }

    /// Hands everything taken so far to the sink, so that a reader of the output sees all of it. Costs compression ratio.
    package func flush() throws {
        guard open else { return }
        try drive(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_flush)
    }

    /// Ends the frame; the next `append` opens another. With nothing appended yet it writes an empty frame.
    package func finish() throws {
        try drive(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end)
        open = false
    }

    private func drive(_ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective) throws {
        guard !broken else { throw CompressionError.failed(.zstd, reason: "the writer failed before") }
        // Cleared at the end only: a throw anywhere leaves the writer broken.
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
