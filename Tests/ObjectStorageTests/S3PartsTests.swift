// Objects in parts, against the real server and a failing one.

import Crypto
import FaultServer
import Foundation
import HTTP
import Testing

@testable import ObjectStorage

@Suite(.timeLimit(.minutes(5)))
struct S3PartsTests {
    private let upload = Array(
        "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>".utf8)
    private let joined = Array(
        "<CompleteMultipartUploadResult><ETag>\"e-3\"</ETag></CompleteMultipartUploadResult>".utf8)

    private func isJoin(_ request: ReceivedRequest) -> Bool {
        request.method == "POST" && request.target.contains("uploadId")
    }

    /// A server that takes parts and answers the join with `join`.
    private func server(join: @escaping @Sendable (Int) -> Reply, get: Reply = .answer(404)) throws -> FaultServer {
        let upload = self.upload
        return try FaultServer { request, number in
            switch request.method {
            case "POST" where request.target.hasSuffix("?uploads="): .answer(200, body: upload)
            case "POST": join(number)
            case "PUT": .answer(200, headers: [("ETag", "\"p\"")])
            case "DELETE": .answer(204)
            default: get
            }
        }
    }

    private func small(_ settings: inout S3Settings) {
        settings.multipartThreshold = 10
        settings.partBytes = 10
    }

    @Test func `a file above 16 MiB goes to the server in parts and comes back whole`() async throws {
        let server = try await S3Server.shared
        let store = try server.store()
        let folder = try TemporaryFolder()
        var bytes = [UInt8](repeating: 0, count: (33 << 20) + 5)
        for index in stride(from: 0, to: bytes.count, by: 4093) {
            bytes[index] = UInt8(truncatingIfNeeded: index / 4093)
        }
        let source = try folder.write("source", bytes)
        let key = "parts-\(UUID().uuidString)/big = ü"
        let put = try await store.put(key, .file(path: source), condition: .none)
        #expect(put.etag.hasSuffix("-3\""))
        let got = try await store.download(key, to: folder.path + "/target")
        #expect(got.size == Int64(bytes.count) && got.etag == put.etag)
        #expect(try folder.read("target") == bytes)
        let end = try await store.get(key, range: .suffix(100))
        #expect(end.bytes == Array(bytes.suffix(100)))
        try await store.delete([key])
    }

    @Test func `parts arrive in order whatever order they were sent in, each signed with its own hash`() async throws {
        let joined = self.joined
        let faulty = try Faulty(try server { _ in .answer(200, body: joined) }, small)
        let bytes = (0..<25).map { UInt8($0) }
        let info = try await faulty.store.put("k", .bytes(bytes), condition: .none)
        #expect(info == ObjectInfo(key: "k", size: 25, etag: "\"e-3\""))
        let parts = faulty.server.received.filter { $0.method == "PUT" }.sorted { $0.target < $1.target }
        #expect(parts.flatMap(\.body) == bytes)
        for part in parts { #expect(part.headers["x-amz-content-sha256"] == Hex.encode(try SHA256.hash(part.body))) }
        let join = try #require(faulty.server.received.first(where: isJoin))
        let numbers = try XMLElement.parse(join.body).all("Part").compactMap { $0.text("PartNumber") }
        #expect(numbers == ["1", "2", "3"])
    }

    @Test func `a part that is refused ends the upload and removes what was sent`() async throws {
        let upload = self.upload
        let faulty = try Faulty(
            try FaultServer { request, _ in
                switch request.method {
                case "POST": .answer(200, body: upload)
                case "DELETE": .answer(204)
                default: .answer(403, body: xml("AccessDenied"))
                }
            }, small)
        let error = await faulty.error { _ = try await $0.put("k", [UInt8](repeating: 0, count: 95)) }
        #expect(error?.kind == .denied)
        #expect(faulty.server.received.last?.method == "DELETE")
        #expect(faulty.server.received.last?.target == "/lake/k?uploadId=u1")
    }

    @Test func `an error inside a 200 is an error`() async throws {
        let joined = self.joined
        let faulty = try Faulty(
            try server { $0 < 5 ? .answer(200, body: xml("InternalError")) : .answer(200, body: joined) }, small)
        _ = try await faulty.store.put("k", [UInt8](repeating: 0, count: 25))
        #expect(faulty.server.received.count(where: isJoin) == 2)
        let denied = try Faulty(try server { _ in .answer(200, body: xml("AccessDenied")) }, small)
        #expect(await denied.error { _ = try await $0.put("k", [UInt8](repeating: 0, count: 25)) }?.kind == .denied)
    }

    @Test func `a join whose answer was lost is found by the object's bytes`() async throws {
        let bytes = [UInt8](repeating: 3, count: 25)
        let reply: @Sendable (Int) -> Reply = { $0 < 5 ? .resetAfterBody : .answer(404, body: xml("NoSuchUpload")) }
        let there = Reply.answer(206, headers: [("Content-Range", "bytes 0-24/25"), ("ETag", "\"x\"")], body: bytes)
        let found = try Faulty(try server(join: reply, get: there), small)
        #expect(try await found.store.put("k", bytes).etag == "\"x\"")
        let missing = try Faulty(try server(join: reply), small)
        #expect(await missing.error { _ = try await $0.put("k", bytes) }?.kind == .unknownOutcome)
    }

    @Test func `an upload removed by someone else changed nothing`() async throws {
        let faulty = try Faulty(try server { _ in .answer(404, body: xml("NoSuchUpload")) }, small)
        let error = await faulty.error { _ = try await $0.put("k", [UInt8](repeating: 0, count: 25)) }
        #expect(error?.kind == .unavailable)
    }

    @Test func `a cancelled upload is removed`() async throws {
        let upload = self.upload
        let faulty = try Faulty(
            try FaultServer { request, _ in
                switch request.method {
                case "POST": .answer(200, body: upload)
                case "DELETE": .answer(204)
                default: .hang
                }
            }, small)
        let task = Task { await faulty.error { _ = try await $0.put("k", [UInt8](repeating: 0, count: 95)) } }
        while !faulty.server.received.contains(where: { $0.method == "PUT" }) { await Task.yield() }
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
        // The server's threads may note a part that was sent before after this request.
        #expect(faulty.server.received.filter { $0.method == "DELETE" }.map(\.target) == ["/lake/k?uploadId=u1"])
    }

    @Test func `a conditional put goes in one request whatever its size`() async throws {
        let faulty = try Faulty([.answer(200)], adjust: small)
        _ = try await faulty.store.put("k", .bytes([UInt8](repeating: 0, count: 95)), condition: .ifAbsent)
        #expect(faulty.server.received.map(\.method) == ["PUT"])
    }
}

@Suite(.timeLimit(.minutes(5)))
struct S3RealServerTests {
    @Test func `wrong keys and a missing bucket are told apart`() async throws {
        let server = try await S3Server.shared
        func store(_ id: String, _ secret: String, bucket: String = "plain") throws -> S3Store {
            var settings = server.settings()
            settings.credentials = .fixed(Credentials(accessKeyID: id, secretAccessKey: secret))
            return try server.store(bucket: bucket, settings)
        }
        #expect(await kind { try await store(S3Server.accessKey, "wrong").put("k", [1]) } == .badCredentials)
        #expect(await kind { _ = try await store("nobody", "x").get("k") } == .badCredentials)
        #expect(await kind { _ = try await store("nobody", "x").head("k") } == .badCredentials)
        let missing = try store(S3Server.accessKey, S3Server.secret, bucket: "no-such-bucket")
        #expect(await kind { _ = try await missing.get("k") } == .storeNotFound)
    }

    @Test func `a clock that is an hour off is called that`() async throws {
        let server = try await S3Server.shared
        var timing = Timing.system
        timing.wallClock = { Timing.system.wallClock() - 3600 }
        let store = try S3Store(bucket: "plain", settings: server.settings(), client: server.client, timing: timing)
        #expect(await kind { try await store.put("k", [1]) } == .clockSkew)
        #expect(await kind { _ = try await store.head("k") } == .clockSkew)
    }

    @Test func `a thousand and more objects are listed and deleted in batches`() async throws {
        let server = try await S3Server.shared
        let store = try server.store()
        let prefix = "many-\(UUID().uuidString)/"
        let keys = (0..<1205).map { "\(prefix)\($0 % 7)/\($0)" }
        await withTaskGroup(of: Void.self) { group in
            for part in 0..<8 {
                group.addTask {
                    for index in stride(from: part, to: keys.count, by: 8) { _ = try? await store.put(keys[index], []) }
                }
            }
        }
        #expect(Set(try await store.list(prefix: prefix).collect().map(\.key)) == Set(keys))
        try await store.delete(keys)
        #expect(try await store.list(prefix: prefix).collect().isEmpty)
    }
}
