// Buffers output for a file descriptor, or collects it in memory.
// A statement that waits for a slow reader would hold its snapshot. So the buffer keeps bytes, up to a limit, until the
// reader takes them. Only a full buffer makes the statement wait, within its deadline.

import Glibc

/// A destination of results and messages.
package final class Output {
    /// The size in bytes at which `pass` waits for a slow reader.
    static let bufferLimitBytes = 64 << 20
    private static let chunkBytes = 64 << 10

    private let descriptor: Int32?
    private var buffer: [UInt8] = []
    private var written = 0
    private let pieceBytes: Int
    private var isOwner = false
    /// The output is a terminal.
    package let isTerminal: Bool

    /// Writes to an open file descriptor, which the caller owns.
    package init(descriptor: Int32) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor) == 1
        var info = stat()
        // A pipe that is ready accepts PIPE_BUF bytes without blocking; a file accepts any number.
        let isFile = fstat(descriptor, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
        pieceBytes = isFile ? Self.chunkBytes : 4096
    }

    /// Writes to an open file descriptor and owns it: `close()` closes it.
    convenience init(owning descriptor: Int32) {
        self.init(descriptor: descriptor)
        isOwner = true
    }

    /// Keeps everything in memory.
    package init() {
        (descriptor, isTerminal, pieceBytes) = (nil, false, 0)
    }

    /// Whether a terminal of this kind understands escape sequences.
    /// - Parameter term: the value of TERM; nil when it is not set.
    package static func takesEscapes(term: String?) -> Bool { term.map { !["", "dumb"].contains($0) } ?? false }

    deinit { close() }

    /// Closes an owned file descriptor. Not to be written to afterwards.
    func close() {
        if isOwner, let descriptor { Glibc.close(descriptor) }
        isOwner = false
    }

    /// Bytes that the reader has not taken yet.
    var waiting: Int { buffer.count - written }

    /// The text collected in memory so far.
    package var text: String { String(decoding: buffer, as: UTF8.self) }

    /// Adds text to the buffer; `pass` or `finish` writes it.
    package func write(_ text: String) { buffer.append(contentsOf: text.utf8) }

    func write(_ bytes: some Sequence<UInt8>) { buffer.append(contentsOf: bytes) }

    func write(byte: UInt8) { buffer.append(byte) }

    /// Lets `body` append to the buffer in place.
    func append(_ body: (inout [UInt8]) -> Void) { body(&buffer) }

    /// Writes what the reader accepts at once. Waits only when the buffer is full.
    /// - Throws: `QueryError`: the deadline, an interrupt, or a failed write.
    func pass(_ runGuard: RunGuard) throws(QueryError) {
        guard descriptor != nil, buffer.count - written >= Self.chunkBytes else { return }
        while written < buffer.count, try writePiece(waitMilliseconds: 0) {}
        while buffer.count - written >= Self.bufferLimitBytes {
            try runGuard.check()
            _ = try writePiece(waitMilliseconds: 100)
        }
        dropWritten()
    }

    /// Writes everything. Waits for the reader without a limit, until the user interrupts.
    /// - Throws: `QueryError`: an interrupt, or a failed write.
    func finish(_ interrupt: InterruptFlag? = nil) throws(QueryError) {
        guard descriptor != nil else { return }
        while written < buffer.count {
            if interrupt?.isRaised == true { throw .interrupted }
            _ = try writePiece(waitMilliseconds: 100)
        }
        dropWritten()
    }

    /// Discards the buffered bytes.
    func discard() {
        buffer = []
        written = 0
    }

    private func dropWritten() {
        buffer.removeFirst(written)
        written = 0
    }

    /// - Returns: false when the reader accepts nothing within the time.
    private func writePiece(waitMilliseconds: Int32) throws(QueryError) -> Bool {
        guard let descriptor else { return false }
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&poller, 1, waitMilliseconds) > 0 else { return false }
        let end = min(buffer.count, written + pieceBytes)
        let count = buffer.withUnsafeBytes { bytes in
            Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), end - written)
        }
        if count >= 0 {
            written += count
            return true
        }
        switch errno {
        case EINTR, EAGAIN: return false
        case EPIPE: throw .outputClosed
        case let code: throw .output("cannot write the output: \(String(cString: strerror(code)))")
        }
    }
}
