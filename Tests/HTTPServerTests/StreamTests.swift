// Streams, and the end of everything.

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

private let live = "GET /live HTTP/1.1\r\n" + host + "\r\n"
private let slow = "GET /slow HTTP/1.1\r\n" + host + "\r\n"

@Suite("HTTP server: streams and the end")
struct StreamTests {
    @Test("32 streams come piece by piece, others are answered beside them, and who goes gives its place back")
    func streams() async throws {
        let (events, probes, placesBack) = try await onThread {
            let running = try Running()
            var clients = (0..<32).map { _ in running.connect() }
            for client in clients { client.send(live) }
            let events = clients.map { $0.receive { $0.components(separatedBy: "event:").count > 10 }.text }
            let probes = (0..<10).map { _ in running.probe() }
            for client in clients.prefix(10) { client.willReset() }
            clients.removeFirst(20)
            let places = eventually { running.example.streams.load(ordering: .relaxed) == 12 }
            return (events, probes, places)
        }
        #expect(events.allSatisfy { $0.components(separatedBy: "event:").count > 10 })
        #expect(events.allSatisfy { $0.contains("Transfer-Encoding: chunked") && !$0.contains("Content-Length") })
        #expect(probes.allSatisfy { $0.statuses == [200] })
        #expect(placesBack)
    }

    @Test("clients of streams that say nothing are missed too")
    func quiet() async throws {
        let (were, are) = try await onThread {
            let running = try Running()
            var clients = (0..<10).map { _ in running.connect() }
            for client in clients { client.send("GET /quiet HTTP/1.1\r\n" + host + "\r\n") }
            let were = eventually { running.example.streams.load(ordering: .relaxed) == 10 }
            clients.removeAll()
            return (were, eventually { running.example.streams.load(ordering: .relaxed) == 0 })
        }
        #expect(were && are)
    }

    @Test("a stream outlives the limit of answers as long as it says something, and not when it does not")
    func silence() async throws {
        let (lively, quiet) = try await onThread {
            let running = try Running { $0.answerTime = .seconds(1) }
            let client = running.connect()
            client.send(live)
            let quiet = running.connect()
            let end = quiet.ask("GET /quiet HTTP/1.1\r\n" + host + "\r\n")
            return (client.receive(seconds: 0.5).end, end)
        }
        #expect(lively == .open)
        #expect(quiet.end != .open && quiet.seconds > 2)
    }

    @Test("a stop ends streams with their last chunk, idle connections at once, and frees the port")
    func stop() async throws {
        let (ends, idle, answered, late, again) = try await onThread {
            let running = try Running()
            let clients = (0..<32).map { _ in running.connect() }
            for client in clients { client.send(live) }
            for client in clients { _ = client.receive { $0.contains("event:") } }
            let idle = running.connect()
            idle.send("GET /healthz HTTP/1.1\r\n" + host + "\r\n")
            let answered = idle.receive { $0.hasSuffix("alive\n") }.text.utf8.count
            running.server.stop(grace: .seconds(60))
            let late = running.connect()
            late.send(live)
            let again = try Running(port: running.server.port)
            return (clients.map { $0.receive() }, idle.receive(), answered, late.receive(), again.probe().status)
        }
        #expect(ends.allSatisfy { $0.end == .closed && $0.text.hasSuffix("0\r\n\r\n") })
        #expect(answered > 0 && idle.end == .closed && late.end != .open && late.text.isEmpty)
        #expect(again == 200)
    }

    @Test("a stop waits for answers that are being made, and the port is free meanwhile")
    func unfinished() async throws {
        let (got, other) = try await onThread {
            let running = try Running()
            let client = running.connect()
            client.send(slow + slow)
            _ = eventually { running.example.slow.load(ordering: .relaxed) == 1 }
            let stopping = DispatchSemaphore(value: 0)
            Thread {
                running.server.stop(grace: .seconds(60))
                stopping.signal()
            }.start()
            var other: Running?
            _ = eventually {
                other = try? Running(port: running.server.port)
                return other != nil
            }
            let status = other?.probe().status
            running.example.gate.signal()
            let got = client.receive()
            stopping.wait()
            return (got, status)
        }
        #expect(got.statuses == [200] && got.text.contains("Connection: close") && got.end == .closed)
        #expect(other == 200)
    }

    @Test("answers that outlive the grace are cut off; a stop twice is one")
    func grace() async throws {
        let (seconds, got) = try await onThread {
            let running = try Running()
            let client = RawClient(running.server.port, receiveBuffer: 4096)
            client.send("GET /big HTTP/1.1\r\n" + host + "\r\n")
            _ = client.receive { !$0.isEmpty }
            let began = ContinuousClock.now
            running.server.stop(grace: .milliseconds(200))
            let seconds = (.now - began) / .seconds(1)
            running.server.stop()
            return (seconds, client.receive())
        }
        #expect(seconds >= 0.2 && got.end != .open)
    }
}

@Suite("HTTP server: odd connections")
struct OddTests {
    static let cases = [
        "", "GET /a?" + String(repeating: "a&", count: 3000) + " HTTP/1.1\r\n\(host)\r\n", slow + slow, live,
        live + String(repeating: "x", count: 100_000), "GET /quiet HTTP/1.1\r\n" + host + "\r\n",
        "GET /big HTTP/1.1\r\n" + host + "\r\n",
        "POST /query HTTP/1.1\r\n" + host + "Content-Length: 10\r\n\r\n12345",
        "POST /query HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n10\r\n12345",
        "POST /query HTTP/1.1\r\n" + host + "Content-Length: 1000000\r\n\r\n12345",
        "POST /query HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n20000\r\n"
            + String(repeating: "x", count: 70_000),
    ]

    @Test("no state of a connection keeps others out or outlives a stop", arguments: cases)
    func states(_ text: String) async throws {
        let (alive, end, left) = try await onThread {
            let running = try Running()
            let client = running.connect()
            client.send(text)
            let alive = running.probe()
            for _ in 0..<2 { running.example.gate.signal() }
            running.server.stop(grace: .milliseconds(200))
            return (alive, client.receive(), running.server.connections.count)
        }
        #expect(alive.status == 200 && end.end != .open && left == 0)
    }

    @Test("everything at once, stopped in the middle")
    func stress() async throws {
        let texts =
            Self.cases.filter { !$0.hasPrefix("GET /slow") } + [
                "GET /healthz HTTP/1.1\r\n" + host + "\r\n", "GET /a", "HEAD /live HTTP/1.1\r\n" + host + "\r\n",
                "GET /live HTTP/1.0\r\n\r\n", "\0\u{1}\u{2}\r\n\r\n",
            ]
        let left = try await onThread {
            let running = try Running { limits in
                limits.connections = 24
                (limits.headTime, limits.bodyTime) = (.milliseconds(300), .milliseconds(200))
            }
            let clients = DispatchGroup()
            for number in 0..<24 {
                clients.enter()
                Thread {
                    for turn in 0..<40 {
                        let client = running.connect()
                        let text = texts[(number * 7 + turn) % texts.count]
                        client.send(turn % 5 == 0 ? String(text.prefix(text.count / 2)) : text)
                        _ = client.receive(seconds: [0, 0.01, 0.1][turn % 3]) { _ in turn % 2 == 0 }
                        if turn % 3 == 0 { client.willReset() }
                    }
                    clients.leave()
                }.start()
            }
            pace(milliseconds: 500)
            running.server.stop(grace: .milliseconds(300))
            clients.wait()
            return running.server.connections.count
        }
        #expect(left == 0)
    }
}

@Suite("HTTP server: addresses")
struct AddressTests {
    @Test("an address that cannot be listened on is an error that says why")
    func wrong() async throws {
        let errors = try await onThread {
            let taken = try Running()
            return [("127.0.0.1", taken.server.port), ("192.0.2.1", 0), ("no.such.host.invalid", 0)].map { place in
                do {
                    _ = try HTTPServer(host: place.0, port: place.1, handler: Example())
                    return "none"
                } catch {
                    return "\(error)"
                }
            }
        }
        #expect(errors == ["address already in use", "cannot assign requested address", "unknown host"])
    }
}
