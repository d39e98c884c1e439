// Forwards a request to a real server, so that a FaultServer can stand in front of it: the request takes effect, and what
// the client hears of it is the test's choice.

import Glibc

/// A real HTTP server on 127.0.0.1.
package struct Upstream: Sendable {
    /// Its port.
    package let port: Int

    /// The server on this port.
    package init(port: Int) { self.port = port }

    /// Sends the request, headers unchanged (signatures stay good), waits for the whole answer, and gives it as a reply.
    /// Blocks. A server that cannot be reached or answers nonsense is a 502.
    package func forward(_ request: ReceivedRequest) -> Reply {
        let failed = Reply.answer(502, body: Array("upstream failed".utf8))
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return failed }
        defer { close(descriptor) }
        guard connect(descriptor), send(descriptor, bytes(of: request)) else { return failed }
        return parse(receiveAll(descriptor), isHead: request.method == "HEAD") ?? failed
    }

    private func connect(_ descriptor: Int32) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private func bytes(of request: ReceivedRequest) -> [UInt8] {
        var head = "\(request.method) \(request.target) HTTP/1.1\r\nconnection: close\r\n"
        for (name, value) in request.headers where name != "connection" { head += "\(name): \(value)\r\n" }
        return Array((head + "\r\n").utf8) + request.body
    }

    private func send(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
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

    private func receiveAll(_ descriptor: Int32) -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return all }
            all.append(contentsOf: chunk[..<count])
        }
    }

    private func parse(_ bytes: [UInt8], isHead: Bool) -> Reply? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let first = lines.first?.split(separator: " ") ?? []
        guard first.count > 1, let status = Int(first[1]) else { return nil }
        var headers: [(String, String)] = []
        var isChunked = false
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let name = parts[0].lowercased()
            if name == "transfer-encoding" { isChunked = parts[1].contains("chunked") }
            // The length is kept for HEAD only, where it is not the body's.
            let isFraming = ["transfer-encoding", "connection", "content-length"].contains(name)
            if !isFraming || (isHead && name == "content-length") {
                headers.append((String(parts[0]), String(parts[1].drop { $0 == " " })))
            }
        }
        let body = Array(bytes[end.upperBound...])
        return .answer(status, headers: headers, body: isChunked ? unchunked(body) : body)
    }

    private func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        var body: [UInt8] = []
        while let line = rest.firstRange(of: Array("\r\n".utf8)),
            let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16), size > 0
        {
            rest = rest[line.upperBound...]
            body += rest.prefix(size)
            rest = rest.dropFirst(size + 2)
        }
        return body
    }
}
