// One accepted connection: reads requests, asks the server's handler, and answers or fails as told.

import Base
import Glibc
import Synchronization

struct Connection {
    let descriptor: Int32
    let number: Int
    private var buffer: [UInt8] = []

    init(descriptor: Int32, number: Int) {
        self.descriptor = descriptor
        self.number = number
    }

    /// Serves the next request; false when the connection is finished.
    mutating func serveOne(_ server: FaultServer) -> Bool {
        guard var request = readHead() else { return false }
        // Decided before the body is read, for the faults that come before it; asked once only.
        let index = server.state.withLock { state in
            state.received.append(request)
            return state.received.count - 1
        }
        if let early = server.early?(request, index), case .resetBeforeBody = early { return reset() }
        guard let body = readBody(request) else { return false }
        request.body = body
        server.state.withLock { $0.received[index].body = body }
        return perform(server.handler(request, index), isHead: request.method == "HEAD")
    }

    func close() { Glibc.close(descriptor) }

    private func perform(_ reply: Reply, isHead: Bool) -> Bool {
        switch reply {
        case .answer(let status, let headers, let body):
            return send(head(status, headers, length: body.count) + (isHead ? [] : body))
        case .answerThenClose(let status, let body):
            _ = send(head(status, [], length: body.count) + (isHead ? [] : body))
            return false
        case .truncated(let status, let promised, let body):
            _ = send(head(status, [], length: promised) + body)
            return false
        case .resetBeforeBody, .resetAfterBody: return reset()
        case .closeAfterBody: return false
        case .hang:
            waitForEnd()
            return false
        case .raw(let bytes):
            _ = send(bytes)
            return false
        }
    }

    /// Closing with linger 0 sends RST instead of FIN.
    private func reset() -> Bool {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        return false
    }

    private func waitForEnd() {
        var byte: UInt8 = 0
        while recv(descriptor, &byte, 1, 0) > 0 {}
    }

    private func head(_ status: Int, _ headers: [(String, String)], length: Int) -> [UInt8] {
        var text = "HTTP/1.1 \(status) Test\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if !headers.contains(where: { $0.0.lowercased() == "content-length" }) {
            text += "Content-Length: \(length)\r\n"
        }
        return Array((text + "\r\n").utf8)
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { pointer in
                Glibc.send(descriptor, pointer.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private mutating func readHead() -> ReceivedRequest? {
        let end = Array("\r\n\r\n".utf8)
        while buffer.firstRange(of: end) == nil { guard receive() else { return nil } }
        guard let range = buffer.firstRange(of: end) else { return nil }
        let lines = String(decoding: buffer[..<range.lowerBound], as: UTF8.self).split(separator: "\r\n")
        buffer.removeSubrange(..<range.upperBound)
        let start = lines.first?.split(separator: " ") ?? []
        guard start.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " }) }
        }
        return ReceivedRequest(
            method: String(start[0]), target: String(start[1]), headers: headers, body: [], connection: number)
    }

    private mutating func readBody(_ request: ReceivedRequest) -> [UInt8]? {
        let length = Int(request.headers["content-length"] ?? "0") ?? 0
        while buffer.count < length { guard receive() else { return nil } }
        defer { buffer.removeSubrange(..<length) }
        return Array(buffer[..<length])
    }

    private mutating func receive() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffer.append(contentsOf: chunk[..<count])
        return true
    }
}
