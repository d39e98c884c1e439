// Connections that keep places, and what comes too late.

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

/// Sends a byte on each connection again and again until all have ended.
/// - Returns: how many seconds after `began` each ended; fewer when the time is over before.
private func trickle(_ clients: [RawClient], _ piece: String?, _ began: ContinuousClock.Instant) -> [Double] {
    var open = clients
    var ends: [Double] = []
    while !open.isEmpty, .now - began < .seconds(60) {
        open.removeAll { client in
            if client.stands(), piece.map({ client.send($0) }) ?? true { return false }
            ends.append((.now - began) / .seconds(1))
            return true
        }
        pace(milliseconds: 50)
    }
    return ends
}

@Suite("HTTP server: limits")
struct LimitTests {
    /// What is begun on each connection, and what trickles afterwards.
    static let crowds: [(count: Int, begin: String, piece: String?)] = [
        (500, "", nil),
        (200, "GET / HTTP/1.1\r\n" + host + "X: ", "x"),
        (200, "POST /query HTTP/1.1\r\n" + host + "Content-Length: 60000\r\n\r\n", "x"),
        (200, "POST /query HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ]

    @Test("crowds that do not end their requests keep nobody out: those that wait longest make room", arguments: crowds)
    func crowdsMakeRoom(_ crowd: (count: Int, begin: String, piece: String?)) async throws {
        let (probes, open, ended) = try await onThread {
            // Nobody could be answered within the tests' time if they had to wait for these.
            let running = try Running { ($0.headTime, $0.bodyTime) = (.seconds(600), .seconds(600)) }
            let clients = (0..<crowd.count).map { _ in
                let client = running.connect()
                client.send(crowd.begin)
                return client
            }
            var ended: Set<Int> = []
            var probes: [Received] = []
            for _ in 0..<10 {
                for (number, client) in clients.enumerated() where !ended.contains(number) {
                    let isOpen = client.stands() && (crowd.piece.map { client.send($0) } ?? true)
                    if !isOpen { ended.insert(number) }
                }
                probes.append(running.probe())
            }
            let isRoom = eventually { running.server.connections.count <= 128 }
            return (probes, isRoom, ended.count)
        }
        #expect(probes.allSatisfy { $0.statuses == [200] })
        #expect(open && ended >= crowd.count - 128)
    }

    @Test("the connection that waits longest makes room, not one that is being answered")
    func longest() async throws {
        let (first, second, answered) = try await onThread {
            let running = try Running { $0.connections = 3 }
            let busy = running.connect()
            busy.send("GET /slow HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n")
            _ = eventually { running.example.slow.load(ordering: .relaxed) == 1 }
            // Each has been served once, so that the server knows it; the first then waits longest. The client has the answer
            // before the server's thread has noted that it waits for the next request.
            let waiting = (1...2).map { number in
                let client = running.connect()
                client.send("GET /healthz HTTP/1.1\r\n" + host + "\r\n")
                _ = client.receive { $0.hasSuffix("alive\n") }
                _ = eventually { running.server.connections.count(in: .head) == number }
                return client
            }
            let new = running.connect()
            let first = waiting[0].receive()
            new.send("GET /healthz HTTP/1.1\r\n" + host + "\r\n")
            _ = new.receive { $0.hasSuffix("alive\n") }
            waiting[1].send("GET /healthz HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n")
            let second = waiting[1].receive()
            running.example.gate.signal()
            return (first, second, busy.receive())
        }
        #expect(first.end == .closed && first.text.isEmpty)
        #expect(second.status == 200 && answered.status == 200)
    }

    @Test("a stream or a handler never makes room; who reads slowly does when nobody else can")
    func room() async throws {
        let (refused, later, slow) = try await onThread {
            let running = try Running { $0.connections = 2 }
            let streams = (0..<2).map { _ in running.connect() }
            for stream in streams {
                stream.send("GET /live HTTP/1.1\r\n" + host + "\r\n")
                _ = stream.receive { $0.contains("event:") }
            }
            let refused = running.probe()
            streams[0].willReset()
            streams[0].send("")
            let big = try Running { $0.connections = 1 }
            let reader = RawClient(big.server.port, receiveBuffer: 4096)
            reader.send("GET /big HTTP/1.1\r\n" + host + "\r\n")
            _ = reader.receive { !$0.isEmpty }
            let later = big.probe()
            return (refused, later, reader.receive())
        }
        #expect(refused.text.isEmpty && refused.end != .open)
        #expect(later.status == 200 && slow.end != .open)
    }

    @Test(
        "a head has its own deadline, however it trickles",
        arguments: ["", "GET / HT", "GET /", "GET / HTTP/1.1\r\n" + host, "GET / HTTP/1.1\r\n" + host + "X: "])
    func heads(_ begin: String) async throws {
        let (end, again) = try await onThread {
            let running = try Running { $0.headTime = .milliseconds(600) }
            let piece = begin.hasSuffix(host) ? "X: y\r\n" : "y"
            let client = running.connect()
            client.send(begin)
            let end = trickle([client], begin.isEmpty ? nil : piece, .now)
            let kept = running.connect()
            let began = ContinuousClock.now
            kept.send("GET /healthz HTTP/1.1\r\n" + host + "\r\n")
            _ = kept.receive { $0.hasSuffix("alive\n") }
            kept.send(begin)
            return (end, trickle([kept], begin.isEmpty ? nil : piece, began))
        }
        #expect(end.count == 1 && end[0] > 0.5, "\(end)")
        #expect(again.count == 1 && again[0] > 0.5, "\(again)")
    }

    @Test("a body has its own deadline, and is answered 408", arguments: ["", "x", "1\r\nx\r\n"])
    func bodies(_ piece: String) async throws {
        let got = try await onThread {
            let running = try Running { $0.bodyTime = .milliseconds(600) }
            let client = running.connect()
            let kind = piece.count > 1 ? "Transfer-Encoding: chunked" : "Content-Length: 1000"
            client.send("POST /query HTTP/1.1\r\n\(host)\(kind)\r\n\r\n")
            var text = ""
            while text.isEmpty, client.send(piece) {
                let part = client.receive(seconds: 0.1) { !$0.isEmpty }
                text = part.text
                if part.end != .open || client.receive(seconds: 0).end != .open { break }
            }
            return (text, (.now - client.began) / .seconds(1), running.example.answered.load(ordering: .relaxed))
        }
        #expect(got.0.hasPrefix("HTTP/1.1 408 Request Timeout\r\nDate: "), "\(got.0)")
        #expect(got.0.hasSuffix("\r\n\r\nrefused: bodyTooLate\n") && got.1 > 0.5)
        #expect(got.2 == 0, "the handler was asked although the body was late")
    }

    @Test("a handler may take longer than an answer may wait for its reader")
    func handlers() async throws {
        let (got, statuses) = try await onThread {
            let running = try Running { limits in
                limits.answerTime = .seconds(1)
                (limits.headTime, limits.bodyTime) = (.milliseconds(500), .milliseconds(500))
            }
            let client = running.connect()
            client.send("GET /late HTTP/1.1\r\n" + host + "\r\n")
            let first = client.receive { $0.hasSuffix("late\n") }
            client.send("POST /query HTTP/1.1\r\n" + host + "Connection: close\r\nContent-Length: 2\r\n\r\nab")
            return (first, client.receive().statuses)
        }
        #expect(got.status == 200 && statuses == [200])
    }

    @Test("an answer that nobody reads is given up; one that is read slowly is not")
    func readers() async throws {
        let (gone, slow) = try await onThread {
            let running = try Running { $0.answerTime = .seconds(1) }
            let before = running.server.connections.count
            let client = RawClient(running.server.port, receiveBuffer: 4096)
            client.send("GET /big HTTP/1.1\r\n" + host + "\r\n")
            _ = client.receive { !$0.isEmpty }
            let gone = eventually { running.server.connections.count == before }
            let reader = RawClient(running.server.port, receiveBuffer: 4096)
            reader.send("GET /big HTTP/1.1\r\n" + host + "\r\n")
            var isThere = true
            for _ in 0..<15 where isThere {
                // Some bytes each 200 ms, for three times the limit.
                isThere = reader.receive(until: { !$0.isEmpty }).end == .open
                pace(milliseconds: 200)
            }
            return (gone, isThere)
        }
        #expect(gone && slow)
    }

    @Test("descriptors are raised to the hard limit, and connections fit into them")
    func descriptors() async throws {
        let limits = try await onThread {
            let running = try Running { $0.connections = 100_000_000 }
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            return (limit, running.server.connectionLimit)
        }
        #expect(limits.0.rlim_cur == limits.0.rlim_max)
        #expect(limits.1 < limits.0.rlim_cur / 2)
    }
}
