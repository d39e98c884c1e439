// Collects a response within bounds: its header lines, and its body in memory or in a file.

import Glibc

struct ResponseReceiver {
    typealias Problem = (kind: HTTPError.Kind, detail: String)

    private let sink: HTTPSink
    private let maximumBytes: Int64
    private(set) var status = 0
    private var headers: [HTTPHeader] = []
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var receivedBytes: Int64 = 0
    private var descriptor: Int32 = -1

    private static let maximumHeaderBytes = 256 << 10

    init(sink: HTTPSink, maximumBytes: Int64) {
        self.sink = sink
        self.maximumBytes = maximumBytes
    }

    var response: HTTPResponse { HTTPResponse(status: status, headers: HTTPHeaders(headers), body: body) }

    /// Takes one line. A further status line starts over: the response before was an interim one (1xx).
    mutating func appendHeaderLine(_ line: UnsafeRawBufferPointer) -> Problem? {
        headerBytes += line.count
        if headerBytes > Self.maximumHeaderBytes { return (.responseTooLarge, "its headers exceed 256 KiB") }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            status = statusCode(text)
            headers = []
            return nil
        }
        guard let colon = text.utf8.firstIndex(of: 0x3A) else { return nil }
        headers.append(
            HTTPHeader(trimmed(text[..<colon]), trimmed(text[text.utf8.index(after: colon)...])))
        return nil
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Problem? {
        receivedBytes += Int64(bytes.count)
        if receivedBytes > maximumBytes { return (.responseTooLarge, "more than \(maximumBytes) bytes") }
        guard let path = filePath else {
            body.append(contentsOf: bytes)
            return nil
        }
        return openFile(path) ?? writeToFile(bytes, path)
    }

    /// Ends a complete response. An empty body still creates its file.
    mutating func close() -> Problem? {
        guard let path = filePath else { return nil }
        if let problem = openFile(path) { return problem }
        defer { descriptor = -1 }
        return Glibc.close(descriptor) == 0 ? nil : problem(path)
    }

    /// Removes the file of an incomplete response, but only a regular file, never a device such as /dev/null.
    mutating func discard() {
        if descriptor >= 0 {
            var info = stat()
            let isPlain = fstat(descriptor, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
            if isPlain, case .file(let path) = sink { unlink(path) }
            Glibc.close(descriptor)
        }
        descriptor = -1
    }

    private var filePath: String? {
        guard case .file(let path) = sink, (200..<300).contains(status) else { return nil }
        return path
    }

    private mutating func openFile(_ path: String) -> Problem? {
        guard descriptor < 0 else { return nil }
        descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        return descriptor < 0 ? problem(path) : nil
    }

    private func writeToFile(_ bytes: UnsafeRawBufferPointer, _ path: String) -> Problem? {
        var rest = bytes
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return problem(path) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return nil
    }

    private func problem(_ path: String) -> Problem {
        let number = errno
        return (.localFile(errno: number), "\(path): \(String(cString: strerror(number)))")
    }

    private func statusCode(_ line: String) -> Int {
        let parts = line.split(separator: " ", maxSplits: 2)
        return parts.count > 1 ? Int(trimmed(parts[1])) ?? 0 : 0
    }

    private func trimmed(_ text: Substring) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        let bytes = text.utf8.drop(while: isBlank)
        return String(decoding: bytes.reversed().drop(while: isBlank).reversed(), as: UTF8.self)
    }
}
