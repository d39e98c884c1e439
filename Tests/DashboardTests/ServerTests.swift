// The page's server as a whole: routes, rules, headers, bodies and streams, asked over sockets.

import Health
import Foundation
import Log
import Synchronization
import TestSupport
import Testing

@testable import Dashboard

/// A server whose contents are stubs.
private final class Page: Sendable {
    let server: DashboardServer
    private let counter: Counter

    init(token: String? = nil, host: String = "127.0.0.1", _ change: (inout DashboardLimits) -> Void = { _ in }) throws
    {
        let willStop = DispatchSemaphore(value: 0)
        let asked = Counter()
        let sources = DashboardSources(
            report: { StatusReport(StatusFacts(now: 1, path: "pageviews.db")) }, series: { ViewSeries() },
            process: { ProcessFacts() },
            query: { request in
                asked.count.add(1, ordering: .relaxed)
                switch request.sql {
                case "rows": return .rows(json: "[{\"one\":1}]\n", isTruncated: true)
                case "wrong": return .wrong("why")
                case "deadline": return .deadline("why")
                case "large": return .tooLarge("why")
                case "busy": return .busy
                case "wait":
                    willStop.wait()
                    return .failed("the statement was ended")
                default: return .failed("why")
                }
            }, willStop: { willStop.signal() })
        var limits = DashboardLimits()
        limits.streamPeriod = .milliseconds(20)
        change(&limits)
        counter = asked
        server = try DashboardServer(
            address: ListenAddress(host: host, port: 0), token: token, sources: sources, limits: limits,
            log: Logger(write: { _ in }))
    }

    deinit { server.stop(grace: .zero) }

    /// How many statements were asked.
    var statements: Int { counter.count.load(ordering: .relaxed) }

    final class Counter: Sendable { let count = Atomic(0) }

    func connect() -> RawClient { RawClient(UInt16(server.address.port)) }

    func ask(_ line: String, _ fields: [String] = [], body: String? = nil) -> Received {
        var head = ["\(line) HTTP/1.1", "Host: \(server.address)", "Connection: close"] + fields
        if let body { head.append("Content-Length: \(body.utf8.count)") }
        return connect().ask((head + ["", ""]).joined(separator: "\r\n") + (body ?? ""))
    }

    func sql(_ statement: String, _ fields: [String] = []) -> Received {
        ask("POST /api/query", fields, body: statement)
    }
}

/// The headers of every answer.
private func isSecured(_ answer: Received) -> Bool {
    [
        "Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY",
        "Referrer-Policy: no-referrer", "Cache-Control: no-store",
    ].allSatisfy { answer.holds("\r\n\($0)") }
}

@Suite("The page's server")
struct ServerTests {
    static let addresses: [(line: String, status: Int, words: String)] = [
        ("GET /", 200, "<h1>pageviews</h1>"), ("GET /app.css", 200, "text/css; charset=utf-8"),
        ("GET /app.js", 200, "EventSource"), ("GET /favicon.svg", 200, "<svg"), ("GET /favicon.ico", 200, "<svg"),
        ("GET /healthz", 200, "\r\n\r\nalive\n"), ("GET /readyz", 503, "not ready\n"),
        ("GET /metrics", 200, "text/plain; version=0.0.4; charset=utf-8"), ("GET /api/status", 200, "\"healthy\":"),
        ("GET /none", 404, "\r\n\r\n{\"error\":\"there is nothing at this address\"}\n"),
        ("GET /app.js/..", 404, "error"),
        ("GET /api%2Fstatus", 404, "error"), ("GET /healthz%00", 404, "error"), ("POST /none", 404, "error"),
        ("POST /", 405, "Allow: GET, HEAD\r\n"), ("DELETE /metrics", 405, "this address takes GET, HEAD"),
        ("GET /api/query", 405, "Allow: POST\r\n"), ("PUT /api/query", 405, "this address takes POST"),
        ("HEAD /api/query", 405, "Allow: POST"), ("OPTIONS /api/status", 405, "error"),
    ]

    @Test("every address answers with its status and the security headers", arguments: addresses)
    func answers(_ one: (line: String, status: Int, words: String)) async throws {
        let (answer, head) = try await onThread {
            let page = try Page()
            return (page.ask(one.line), page.ask(one.line.replacingOccurrences(of: "GET", with: "HEAD")))
        }
        #expect(answer.statuses == [one.status] && answer.holds(one.words) && isSecured(answer), "\(answer.text)")
        if one.line.hasPrefix("GET"), one.status != 405 {
            #expect(head.statuses == [one.status] && head.text.hasSuffix("\r\n\r\n") && isSecured(head))
        }
    }

    static let statements: [(sql: String, status: Int, words: String)] = [
        ("rows", 200, "Pageviews-Truncated: true\r\n"), ("rows", 200, "[{\"one\":1}]\n"),
        ("wrong", 400, "{\"error\":\"why\"}\n"),
        ("deadline", 504, "why"), ("large", 422, "why"), ("busy", 429, "try again"), ("other", 503, "why"),
        ("", 400, "no statement"), (" ", 400, "no statement"),
        (String(repeating: " ", count: 65_537), 413, "the body is over 64 KiB"),
    ]

    @Test("statements are answered with what became of them", arguments: statements)
    func queries(_ one: (sql: String, status: Int, words: String)) async throws {
        let answer = try await onThread { try Page().sql(one.sql) }
        #expect(answer.statuses == [one.status] && answer.holds(one.words) && isSecured(answer), "\(answer.text)")
        #expect(answer.isPlain)
    }

    @Test("who may not ask is refused before a body is read")
    func refusals() async throws {
        let (answers, statements) = try await onThread {
            let page = try Page()
            let address = page.server.address
            let answers = [
                page.sql("rows", ["Origin: http://evil.example"]),
                page.connect().ask("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
                page.connect().ask(
                    "POST /api/query HTTP/1.1\r\nHost: \(address)\r\nOrigin: null\r\nTransfer-Encoding: chunked\r\n\r\n"
                ),
                page.connect().ask("GET /healthz HTTP/1.0\r\n\r\n"),
            ]
            return (answers, page.statements)
        }
        #expect(answers.allSatisfy { $0.statuses == [403] && isSecured($0) && $0.end == .closed })
        #expect(answers.allSatisfy { $0.holds("Connection: close") } && statements == 0)
    }

    @Test("what is no request of HTTP/1.1 is refused with the same headers, as JSON")
    func malformed() async throws {
        let (none, two, absolute, old) = try await onThread {
            let page = try Page()
            let host = "Host: \(page.server.address)\r\n"
            return (
                page.connect().ask("GET /healthz HTTP/1.1\r\n\r\n"),
                page.connect().ask("GET /healthz HTTP/1.1\r\n\(host)\(host)\r\n"),
                page.connect().ask("GET http://evil.example/healthz HTTP/1.1\r\n\(host)\r\n"),
                page.connect().ask("GET /healthz HTTP/1.0\r\n\(host)\r\n")
            )
        }
        for answer in [none, two, absolute] {
            #expect(answer.statuses == [400] && isSecured(answer) && answer.holds("{\"error\":\""))
        }
        #expect(old.status == 200 && old.end == .closed)
    }

    @Test("a token opens, as a bearer or by the cookie it is changed for; strangers learn yes or no")
    func tokens() async throws {
        let token = "a token of some length"
        let (refused, probes, opened, signed, again) = try await onThread {
            let page = try Page(token: token, host: "127.0.0.1")
            let refused = ["/", "/app.js", "/metrics", "/api/status", "/api/live", "/none"].map {
                page.ask("GET \($0)")
            }
            let signed = page.ask("GET /?token=a+token%20of+some+length")
            let cookie = signed.text.firstMatch(of: /Set-Cookie: ([^;]+);/).map { String($0.1) } ?? ""
            return (
                refused + [page.sql("rows")], [page.ask("GET /healthz"), page.ask("GET /readyz")],
                page.sql("rows", ["Authorization: Bearer \(token)"]), signed,
                page.ask("GET /api/status", ["Cookie: a=b", "Cookie: \(cookie)"])
            )
        }
        #expect(refused.allSatisfy { $0.statuses == [401] && $0.holds("WWW-Authenticate: Bearer") && isSecured($0) })
        #expect(probes.map(\.status) == [200, 503] && probes[1].text.hasSuffix("\r\n\r\nnot ready\n"))
        #expect(opened.status == 200 && signed.status == 303 && again.status == 200)
        #expect(signed.holds("Location: /\r\n") && signed.holds("HttpOnly; SameSite=Strict"))
    }

    @Test("open pages are told again and again; too many are told so, and places come back")
    func live() async throws {
        let (events, refused, back) = try await onThread {
            let page = try Page { $0.streams = 2 }
            let request = "GET /api/live HTTP/1.1\r\nHost: \(page.server.address)\r\n\r\n"
            var clients = (0..<2).map { _ in page.connect() }
            for client in clients { client.send(request) }
            let events = clients.map { $0.receive { $0.components(separatedBy: "event: live").count > 3 } }
            let refused = page.ask("GET /api/live")
            clients.removeLast()
            let back = eventually { page.connect().ask(request, until: { $0.contains("retry: 2000") }).status == 200 }
            return (events, refused, back)
        }
        for stream in events {
            #expect(stream.holds("Content-Type: text/event-stream") && isSecured(stream))
            #expect(stream.holds("retry: 2000\n\n") && stream.holds("data: {\"status\":{"))
        }
        #expect(refused.status == 503 && refused.holds("too many pages are open") && back)
    }

    @Test("a stop ends statements and open pages, and their clients are told")
    func stop() async throws {
        let (statement, stream) = try await onThread {
            let page = try Page()
            let asking = page.connect()
            let text = "POST /api/query HTTP/1.1\r\nHost: \(page.server.address)\r\nContent-Length: 4\r\n\r\nwait"
            asking.send(text)
            _ = eventually { page.statements == 1 }
            let open = page.connect()
            open.send("GET /api/live HTTP/1.1\r\nHost: \(page.server.address)\r\n\r\n")
            _ = open.receive { $0.contains("event: live") }
            page.server.stop(grace: .seconds(10))
            return (asking.receive(), open.receive())
        }
        #expect(statement.status == 503 && statement.holds("was ended") && statement.holds("Connection: close"))
        #expect(stream.text.hasSuffix("0\r\n\r\n") && stream.end == .closed)
    }

    @Test("without a token nobody else's address is listened on, and a taken one is an error")
    func listening() throws {
        #expect(throws: DashboardError(description: "0.0.0.0:0 can be reached from elsewhere, so it needs a token")) {
            try Page(host: "0.0.0.0")
        }
        let page = try Page()
        let address = page.server.address
        #expect(throws: DashboardError(description: "cannot listen on \(address): address already in use")) {
            _ = try DashboardServer(
                address: address, token: "t",
                sources: DashboardSources(
                    report: { StatusReport(StatusFacts(now: 1, path: "")) }, series: { ViewSeries() },
                    process: { ProcessFacts() }, query: { _ in .busy }), log: Logger(write: { _ in }))
        }
    }
}
