// Bodies: over the limit, too late, and where none is wanted.

import Glibc
import HTTPServer
import TestSupport
import Testing

private let head = "POST /query HTTP/1.1\r\n" + host
private let chunked = head + "Transfer-Encoding: chunked\r\n"
private let chunk = "1000\r\n" + String(repeating: "x", count: 4096) + "\r\n"
private let kibi = 1024

private func bytes(_ count: Int) -> String { String(repeating: "x", count: count) }

@Suite("HTTP server: bodies")
struct BodyTests {
    static let cases: [(name: String, status: Int, text: String)] = [
        ("64 KiB with a length", 200, head + "Connection: close\r\nContent-Length: 65536\r\n\r\n" + bytes(65_536)),
        ("a byte more", 413, head + "Content-Length: 65537\r\n\r\n" + bytes(65_537)),
        ("1 GiB announced, nothing sent", 413, head + "Content-Length: 1073741824\r\n\r\n"),
        ("8 MiB sent at once", 413, head + "Content-Length: 8388608\r\n\r\n" + bytes(8 << 20)),
        (
            "64 KiB in chunks", 200,
            chunked + "Connection: close\r\n\r\n" + String(repeating: chunk, count: 16) + "0\r\n\r\n"
        ),
        (
            "80 KiB in chunks", 413,
            chunked + "Connection: close\r\n\r\n" + String(repeating: chunk, count: 20) + "0\r\n\r\n"
        ),
        (
            "8 MiB in chunks", 413,
            chunked + "Connection: close\r\n\r\n" + String(repeating: chunk, count: 2048) + "0\r\n\r\n"
        ),
        ("POST where nobody may, 5 bytes", 401, "POST /secret HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\n" + bytes(5)),
        (
            "POST where nobody may, 64 KiB", 401,
            "POST /secret HTTP/1.1\r\n\(host)Content-Length: 65536\r\n\r\n" + bytes(65_536)
        ),
        ("PUT with 64 KiB", 405, "PUT /healthz HTTP/1.1\r\n\(host)Content-Length: 65536\r\n\r\n" + bytes(65_536)),
        ("GET with 5 bytes", 404, "GET /nothing HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\n" + bytes(5)),
        ("GET with 64 KiB", 404, "GET /nothing HTTP/1.1\r\n\(host)Content-Length: 65536\r\n\r\n" + bytes(65_536)),
        (
            "GET in chunks that never end", 200,
            "GET /healthz HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n" + chunk
        ),
        ("Expect and 1 GiB", 413, head + "Expect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n"),
        ("a bad head and 256 KiB", 400, "GET /a b HTTP/1.1\r\n\(host)\r\n" + bytes(256 * kibi)),
        (
            "a large head and 256 KiB", 431,
            "GET /a HTTP/1.1\r\n\(host)" + String(repeating: "X: \(bytes(1000))\r\n", count: 300) + "\r\n"
        ),
    ]

    @Test("the answer arrives, and the client sees a plain end", arguments: cases)
    func answers(_ one: (name: String, status: Int, text: String)) async throws {
        let all = try await onThread {
            let running = try Running { $0.lingerTime = .seconds(60) }
            // A reset that destroys the answer would be seen now and then only.
            return (0..<(one.text.utf8.count > 1 << 20 ? 3 : 20)).map { _ in
                let client = running.connect()
                client.send(one.text)
                client.hangUp()
                return client.receive()
            }
        }
        #expect(
            all.allSatisfy { $0.statuses == [one.status] && $0.isPlain },
            "\(one.name): \(all.first { $0.status != one.status || !$0.isPlain } as Any)")
    }

    @Test("a body is kept whole")
    func whole() async throws {
        let text = try await onThread {
            try Running().ask(head + "Connection: close\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000)).text
        }
        #expect(text.hasSuffix("60000 bytes\n"))
    }

    @Test("a client that sends on after its answer is cut off")
    func sendsOn() async throws {
        let (seconds, first) = try await onThread {
            let running = try Running { $0.lingerTime = .milliseconds(500) }
            let client = running.connect()
            client.send(head + "Content-Length: 1073741824\r\n\r\n")
            let first = client.receive { $0.contains("413") }
            let began = ContinuousClock.now
            while client.send(bytes(1000)), .now - began < .seconds(60) { pace(milliseconds: 20) }
            return ((ContinuousClock.now - began) / .seconds(1), first.status)
        }
        #expect(first == 413 && seconds < 60)
    }

    @Test("a body without an end is refused as soon as it is too large")
    func endless() async throws {
        let got = try await onThread {
            let running = try Running()
            let client = running.connect()
            client.send(chunked + "\r\n" + String(repeating: chunk, count: 17))
            return client.receive()
        }
        #expect(got.statuses == [413] && got.holds("\r\n\r\nrefused: bodyTooLarge\n") && got.end == .closed)
    }

    @Test("a client that asks first is told to go on, and not when its body is unwanted")
    func expect() async throws {
        let texts = try await onThread {
            let running = try Running()
            let client = running.connect()
            client.send(head + "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            let first = client.receive { $0.hasSuffix("\r\n\r\n") }.text
            client.send("12345")
            let second = client.receive().text
            let refused = running.ask(
                "PUT /healthz HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
            return [first, second, refused.text]
        }
        #expect(texts[0] == "HTTP/1.1 100 Continue\r\n\r\n" && texts[1].hasSuffix("5 bytes\n"))
        #expect(texts[2].hasPrefix("HTTP/1.1 405"))
    }
}
