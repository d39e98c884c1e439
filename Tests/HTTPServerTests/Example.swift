// A server to try things on.

import Dispatch
import Foundation
import Glibc
import HTTPServer
import Synchronization
import TestSupport

/// Its routes.
final class Example: HTTPHandler {
    /// How many requests for /slow are in the handler, and what lets one of them go on.
    let slow = Atomic(0)
    let gate = DispatchSemaphore(value: 0)
    /// Streams there are.
    let streams = Atomic(0)
    /// Requests that were answered.
    let answered = Atomic(0)

    func early(_ head: HTTPRequest) -> HTTPResponse? {
        if head.method == "POST", head.path == "/query" { return nil }
        return head.path == "/secret" ? HTTPResponse(401, text: "who are you?\n") : answer(head)
    }

    func refusal(_ refusal: HTTPRefusal) -> HTTPResponse {
        HTTPResponse(refusal.status, text: "refused: \(refusal)\n")
    }

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        answered.add(1, ordering: .relaxed)
        switch (request.method, request.path) {
        case ("POST", "/query"): return .init(200, text: "\(request.body.count) bytes\n")
        case ("GET", _), ("HEAD", _): break
        default: return .init(405, [("Allow", "GET, HEAD")])
        }
        switch request.path {
        case "/healthz": return .init(200, text: "alive\n")
        case "/slow":
            slow.add(1, ordering: .relaxed)
            gate.wait()
            return .init(200, text: "slow\n")
        case "/late":
            Thread.sleep(forTimeInterval: 2.2)
            return .init(200, text: "late\n")
        case "/big": return .init(200, body: .bytes(Array(repeating: 120, count: 32 << 20)))
        case "/live": return live()
        case "/quiet": return quiet()
        case "/split": return .init(200, [("X-A", "one\r\nX-B: two")])
        case "/headers":
            return .init(200, text: request.headers.map { "\($0.name)=\($0.value)" }.joined(separator: "|"))
        case "/echo": return .init(200, text: "\(request.path) ? \(request.query ?? "-")\n")
        default: return .init(404, text: "nothing at \(request.path) ? \(request.query ?? "-")\n")
        }
    }

    /// An event every 20 ms.
    private func live() -> HTTPResponse {
        let place = Place(self)
        var number = 0
        return .init(
            200, [("Content-Type", "text/event-stream")],
            body: .stream { _ in
                withExtendedLifetime(place) { pace(milliseconds: 20) }
                number += 1
                return Array("event: live\ndata: \(number)\n\n".utf8)
            })
    }

    /// A stream that never says anything.
    private func quiet() -> HTTPResponse {
        let place = Place(self)
        return .init(
            200,
            body: .stream { deadline in
                withExtendedLifetime(place) {
                    Thread.sleep(forTimeInterval: max(0, (deadline - .now) / .seconds(1)))
                    return []
                }
            })
    }

    private final class Place: Sendable {
        private let example: Example
        init(_ example: Example) {
            self.example = example
            example.streams.add(1, ordering: .relaxed)
        }
        deinit { example.streams.subtract(1, ordering: .relaxed) }
    }
}

/// A server with those routes, stopped when it is released.
final class Running: Sendable {
    let example = Example()
    let server: HTTPServer

    init(port: UInt16 = 0, _ change: (inout HTTPLimits) -> Void = { _ in }) throws {
        // Long, so that a slow machine does not make a request late; tests of a limit shorten it.
        var limits = HTTPLimits()
        (limits.headTime, limits.bodyTime) = (.seconds(60), .seconds(60))
        change(&limits)
        server = try HTTPServer(host: "127.0.0.1", port: port, limits: limits, handler: example)
    }

    deinit { server.stop(grace: .milliseconds(100)) }

    func connect() -> RawClient { RawClient(server.port) }

    func ask(_ text: String, seconds: Double = 60) -> Received { connect().ask(text, seconds: seconds) }

    /// Whether /healthz is answered, and after how many seconds.
    func probe() -> Received { ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") }
}

/// Open descriptors of this process.
func openFiles() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0 }

let host = "Host: localhost\r\n"
