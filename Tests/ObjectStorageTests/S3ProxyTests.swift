// The real server behind a proxy that loses answers: what the store says must agree with what the server holds.

import FaultServer
import Foundation
import HTTP
import Testing

@testable import ObjectStorage

@Suite(.timeLimit(.minutes(5)))
struct S3ProxyTests {
    enum Loss: String, CaseIterable { case reset, close, hang, internalError, slowDown, truncated }

    private func reply(_ loss: Loss) -> Reply {
        switch loss {
        case .reset: .resetAfterBody
        case .close: .closeAfterBody
        case .hang: .hang
        case .internalError: .answer(500, body: xml("InternalError"))
        case .slowDown: .answer(503)
        case .truncated: .truncated(200, promised: 50, body: [1])
        }
    }

    /// A store behind a proxy that forwards every request and loses the first answer.
    private func store(_ server: S3Server, _ loss: Loss, applied: Bool) throws -> (S3Store, FaultServer) {
        let upstream = Upstream(port: try #require(URL(string: server.endpoint)?.port))
        let lost = reply(loss)
        let proxy = try FaultServer { request, number in
            let answer = number > 0 || applied ? upstream.forward(request) : lost
            return number == 0 ? lost : answer
        }
        var settings = server.settings()
        settings.endpoint = proxy.endpoint
        settings.stallTimeout = .seconds(1)
        return (try server.store(settings), proxy)
    }

    @Test(arguments: Loss.allCases, [true, false])
    func `a put if absent whose first answer was lost succeeds once`(loss: Loss, applied: Bool) async throws {
        let server = try await S3Server.shared
        let (store, proxy) = try store(server, loss, applied: applied)
        let key = "proxy-\(UUID().uuidString)"
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 11) }
        let put = try await store.put(key, .bytes(bytes), condition: .ifAbsent)
        let direct = try await server.store().get(key)
        #expect(direct.bytes == bytes)
        #expect(direct.info.etag == put.etag)
        // Applied: the repetition meets 412 and the object is looked at. Not applied: the repetition writes it. On a
        // busy machine each of these may be repeated once more.
        let methods = proxy.received.map(\.method)
        #expect(methods.starts(with: ["PUT", "PUT"]))
        if applied { #expect(methods.last == "GET") }
    }

    @Test(arguments: Loss.allCases)
    func `a loser whose answer was lost never claims to have won`(loss: Loss) async throws {
        let server = try await S3Server.shared
        let key = "proxy-\(UUID().uuidString)"
        try await server.store().put(key, [1, 2, 3])
        let (store, proxy) = try store(server, loss, applied: true)
        let outcome = await kind { _ = try await store.put(key, .bytes([4, 5, 6]), condition: .ifAbsent) }
        #expect(outcome == .unknownOutcome)
        #expect(proxy.received.map(\.method).starts(with: ["PUT", "PUT"]) && proxy.received.last?.method == "GET")
        #expect(try await server.store().get(key).bytes == [1, 2, 3])
    }

    @Test(arguments: Loss.allCases)
    func `a join whose first answer was lost leaves one whole object`(loss: Loss) async throws {
        let server = try await S3Server.shared
        let upstream = Upstream(port: try #require(URL(string: server.endpoint)?.port))
        let lost = reply(loss)
        let joins = Counter()
        let proxy = try FaultServer { request, _ in
            let answer = upstream.forward(request)
            let isJoin = request.method == "POST" && request.target.contains("uploadId")
            return isJoin && joins.next() == 0 ? lost : answer
        }
        var settings = server.settings()
        settings.endpoint = proxy.endpoint
        settings.stallTimeout = .seconds(1)
        settings.multipartThreshold = 1000
        settings.partBytes = 5 << 20
        let bytes = [UInt8](repeating: 9, count: 6 << 20)
        let key = "proxy-\(UUID().uuidString)"
        let put = try await server.store(settings).put(key, bytes)
        let direct = try await server.store().get(key)
        #expect(direct.bytes == bytes && direct.info.etag == put.etag)
    }
}

final class Counter: Sendable {
    private let lock = NSLock()
    nonisolated(unsafe) private var value = 0
    func next() -> Int {
        lock.withLock {
            defer { value += 1 }
            return value
        }
    }
}
