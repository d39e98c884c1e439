// Deflate through zlib: raw (RFC 1951, no header, no checksum) for Avro's "deflate" codec, and gzip (RFC 1952) for
// Parquet pages.
import CZlib

/// Raw deflate, RFC 1951.
package enum Deflate {
    /// `bytes` deflated at `level` (0 stores, 1 is fastest, 9 smallest).
    /// - Throws: `tooLarge` for 2 GiB - 1 byte or more, `failed` for an unknown level or without memory.
    package static func compress(_ bytes: UnsafeRawBufferPointer, level: Int = 6) throws(CompressionError) -> [UInt8] {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        let opened = deflateInit2_(
            &stream, Int32(clamping: level), Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
        guard opened == Z_OK else { throw .failed(.deflate, reason: "deflateInit2 answers \(opened)") }
        defer { deflateEnd(&stream) }
        guard bytes.count < Int(Int32.max) else { throw .tooLarge(.deflate, limit: Int(Int32.max)) }
        stream.feed(bytes)
        var status = Z_OK
        let output = [UInt8](unsafeUninitializedCapacity: Int(deflateBound(&stream, UInt(bytes.count))) + 16) {
            buffer, count in
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(buffer.count)
            status = deflate(&stream, Z_FINISH)
            count = buffer.count - Int(stream.avail_out)
        }
        guard status == Z_STREAM_END else { throw .failed(.deflate, reason: "deflate answers \(status)") }
        return output
    }

    /// The content of one raw deflate stream, which must end where `bytes` ends.
    /// - Throws: `tooLarge` when the content exceeds `limit` bytes, `truncated`, or `corrupt`.
    package static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        try decompress(bytes, limit: limit, .deflate, windowBits: -MAX_WBITS)
    }

    /// - Parameter windowBits: zlib's parameter of inflateInit2, which also selects the format.
    fileprivate static func decompress(
        _ bytes: UnsafeRawBufferPointer, limit: Int, _ codec: Codec, windowBits: Int32
    ) throws(CompressionError) -> [UInt8] {
        var stream = z_stream()
        let opened = inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard opened == Z_OK else { throw .failed(codec, reason: "inflateInit2 answers \(opened)") }
        defer { inflateEnd(&stream) }
        guard bytes.count < Int(Int32.max) else { throw .tooLarge(codec, limit: Int(Int32.max)) }
        stream.feed(bytes)
        var output: [UInt8] = []
        var status = Z_OK
        while status == Z_OK {
            let chunk = inflateChunk(&stream, &status)
            guard chunk.count <= limit - output.count else { throw .tooLarge(codec, limit: limit) }
            output.append(contentsOf: chunk)
            // Z_OK with no output and no input left would loop forever.
            if status == Z_OK, chunk.isEmpty, stream.avail_in == 0 { status = Z_BUF_ERROR }
            // Another gzip member may follow.
            if codec == .gzip, status == Z_STREAM_END, stream.avail_in > 0 { status = inflateReset(&stream) }
        }
        switch status {
        case Z_STREAM_END where stream.avail_in == 0: return output
        case Z_STREAM_END: throw .corrupt(codec, reason: "\(stream.avail_in) bytes after the end")
        case Z_BUF_ERROR: throw .truncated(codec)
        default: throw .corrupt(codec, reason: stream.msg.map { String(cString: $0) } ?? "status \(status)")
        }
    }

    private static func inflateChunk(_ stream: inout z_stream, _ status: inout Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(buffer.count)
            status = inflate(&stream, Z_NO_FLUSH)
            count = buffer.count - Int(stream.avail_out)
        }
    }
}

/// Gzip, RFC 1952.
package enum Gzip {
    /// The content of all members in `bytes`; the last must end where `bytes` ends. zlib verifies their checksums.
    /// - Throws: `tooLarge` when the content exceeds `limit` bytes, `truncated`, or `corrupt`.
    package static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        // Adding 16 accepts gzip only.
        try Deflate.decompress(bytes, limit: limit, .gzip, windowBits: MAX_WBITS + 16)
    }
}

extension z_stream {
    /// Sets the whole input. zlib declares the pointer mutable but never writes through it.
    fileprivate mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        avail_in = UInt32(bytes.count)
    }
}
