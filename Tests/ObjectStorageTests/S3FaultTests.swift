// An S3 store against a server that fails in all the ways servers and networks do.

import Crypto
import FaultServer
import Foundation
import HTTP
import Testing

@testable import ObjectStorage

struct Faulty {
    let server: FaultServer
    let store: S3Store
    let clock = FakeTiming()

    init(_ script: [Reply], adjust: (inout S3Settings) -> Void = { _ in }) throws {
        try self.init(try FaultServer(script: script), adjust)
    }

    init(_ server: FaultServer, _ adjust: (inout S3Settings) -> Void = { _ in }) throws {
        self.server = server
        var settings = S3Settings(
            endpoint: server.endpoint,
            credentials: .fixed(
                Credentials(accessKeyID: "AKID", secretAccessKey: "hush-secret", sessionToken: "hush-token")))
        adjust(&settings)
        store = try S3Store(bucket: "lake", settings: settings, client: HTTPClient(), timing: clock.timing)
    }

    func error(_ work: (S3Store) async throws -> Void) async -> ObjectStorageError? {
        do {
            try await work(store)
            return nil
        } catch { return error as? ObjectStorageError }
    }
}

func xml(_ code: String, _ message: String = "because") -> [UInt8] {
    Array(#"<?xml version="1.0"?><Error><Code>\#(code)</Code><Message>\#(message)</Message></Error>"#.utf8)
}

@Suite(.timeLimit(.minutes(5)))
struct S3FaultTests {
    static let passing: [Reply] = [
        .answer(500, body: xml("InternalError")), .answer(503, body: xml("SlowDown")), .answer(429), .answer(502),
        .answer(503, body: Array("<html>busy</html>".utf8)), .answer(409, body: xml("ConditionalRequestConflict")),
        .answer(400, body: xml("RequestTimeout")), .resetBeforeBody, .resetAfterBody, .closeAfterBody,
        .truncated(200, promised: 100, body: [1]),
    ]

    @Test(arguments: passing.indices)
    func `a put outlives every passing fault`(index: Int) async throws {
        let faulty = try Faulty([Self.passing[index], Self.passing[index], .answer(200, headers: [("ETag", "\"e\"")])])
        let info = try await faulty.store.put("k", .bytes([1, 2, 3]), condition: .ifAbsent)
        #expect(info == ObjectInfo(key: "k", size: 3, etag: "\"e\""))
        #expect(faulty.server.received.count == 3)
        #expect(faulty.server.received.last?.body == [1, 2, 3])
        #expect(faulty.server.received.allSatisfy { $0.headers["if-none-match"] == "*" })
        #expect(faulty.clock.pauses == [.milliseconds(100), .milliseconds(200)])
    }

    @Test(arguments: passing.indices)
    func `a get outlives every passing fault`(index: Int) async throws {
        let faulty = try Faulty([Self.passing[index], .answer(200, body: [7, 8])])
        #expect(try await faulty.store.get("k").bytes == [7, 8])
    }

    @Test func `Retry-After is heeded`() async throws {
        let faulty = try Faulty([.answer(503, headers: [("Retry-After", "7")], body: xml("SlowDown")), .answer(200)])
        _ = try await faulty.store.get("k")
        #expect(faulty.clock.pauses == [.seconds(7)])
    }

    @Test func `one deadline holds over all attempts`() async throws {
        let faulty = try Faulty([.answer(500)]) { settings in
            settings.callTimeout = .seconds(3)
            settings.retry.maximumAttempts = 1000
        }
        let error = await faulty.error { _ = try await $0.get("k") }
        #expect(error?.kind == .unavailable)
        let total = faulty.clock.pauses.reduce(Duration.zero, +)
        #expect(total < .seconds(3) && total > .seconds(1))
    }

    @Test func `a server that hangs is left at the deadline`() async throws {
        let faulty = try Faulty([.hang]) { $0.callTimeout = .milliseconds(300) }
        let reading = await faulty.error { _ = try await $0.get("k") }
        #expect(reading?.kind == .unavailable)
        let writing = await faulty.error { _ = try await $0.put("k", [1]) }
        #expect(writing?.kind == .unknownOutcome)
    }

    @Test func `a server that is not there changes nothing`() async throws {
        let server = try FaultServer(script: [.answer(200)])
        server.stop()
        let error = await (try Faulty(server)).error { _ = try await $0.put("k", .bytes([1]), condition: .ifAbsent) }
        #expect(error?.kind == .unavailable)
    }

    @Test func `throttling to the end changed nothing`() async throws {
        let error = await (try Faulty([.answer(503, body: xml("SlowDown"))])).error { _ = try await $0.put("k", [1]) }
        #expect(error?.kind == .throttled)
    }

    @Test(arguments: [0, 1, 2])
    func `a put without a usable answer to the end has an unknown outcome`(index: Int) async throws {
        let reply: Reply = [.resetAfterBody, .answer(500), .closeAfterBody][index]
        let error = await (try Faulty([reply])).error {
            _ = try await $0.put("k", .bytes([1]), condition: .ifAbsent)
        }
        #expect(error?.kind == .unknownOutcome)
    }

    @Test func `an open outcome stays open when later attempts are refused for other reasons`() async throws {
        let error = await (try Faulty([.resetAfterBody, .answer(403, body: xml("AccessDenied"))])).error {
            _ = try await $0.put("k", .bytes([1]), condition: .ifAbsent)
        }
        #expect(error?.kind == .unknownOutcome)
    }

    @Test func `an open outcome stays open when the credentials vanish before the next attempt`() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "credentials", Array("[default]\naws_access_key_id=a\naws_secret_access_key=b".utf8))
        let server = try FaultServer { _, _ in
            unlink(path)
            return .resetAfterBody
        }
        let faulty = try Faulty(server) {
            $0.credentials = .standard(environment: ["AWS_SHARED_CREDENTIALS_FILE": path])
        }
        let first = await faulty.error { _ = try await $0.put("k", .bytes([1]), condition: .ifAbsent) }
        #expect(first?.kind == .unknownOutcome)
        let second = await faulty.error { _ = try await $0.put("k", .bytes([1]), condition: .ifAbsent) }
        #expect(second?.kind == .badCredentials)
        #expect(server.received.count == 1)
    }

    @Test func `412 at the first attempt is a failed precondition`() async throws {
        let faulty = try Faulty([.answer(412, body: xml("PreconditionFailed"))])
        let error = await faulty.error { _ = try await $0.put("k", .bytes([1]), condition: .ifAbsent) }
        #expect(error?.kind == .preconditionFailed)
        #expect(faulty.server.received.count == 1)
    }

    @Test func `412 after throttling is a failed precondition, since nothing was done before`() async throws {
        let faulty = try Faulty([.answer(503, body: xml("SlowDown")), .answer(412, body: xml("PreconditionFailed"))])
        let error = await faulty.error { _ = try await $0.put("k", .bytes([1]), condition: .ifAbsent) }
        #expect(error?.kind == .preconditionFailed)
    }

    @Test(arguments: [0, 1], [PutCondition.ifAbsent, .ifMatch("\"old\"")])
    func `412 after a lost answer is success when the object holds our bytes`(
        index: Int, condition: PutCondition
    ) async throws {
        let lost: Reply = [.resetAfterBody, .answer(500)][index]
        let faulty = try Faulty([
            lost, .answer(412, body: xml("PreconditionFailed")),
            .answer(206, headers: [("Content-Range", "bytes 0-2/3"), ("ETag", "\"e\"")], body: [1, 2, 3]),
        ])
        let info = try await faulty.store.put("k", .bytes([1, 2, 3]), condition: condition)
        #expect(info.etag == "\"e\"" && info.size == 3)
    }

    @Test func `412 after a lost answer is unknown when the object holds other bytes, or more`() async throws {
        for body in [[1, 2, 4], [1, 2, 3, 4]] as [[UInt8]] {
            let faulty = try Faulty([
                .resetAfterBody, .answer(412, body: xml("PreconditionFailed")),
                .answer(206, headers: [("Content-Range", "bytes 0-2/\(body.count)")], body: Array(body.prefix(3))),
            ])
            let error = await faulty.error { _ = try await $0.put("k", .bytes([1, 2, 3]), condition: .ifAbsent) }
            #expect(error?.kind == .unknownOutcome)
        }
    }

    @Test func `412 after a lost answer is unknown when the object cannot be read`() async throws {
        let faulty = try Faulty([.resetAfterBody, .answer(412), .answer(403, body: xml("AccessDenied"))])
        let error = await faulty.error { _ = try await $0.put("k", .bytes([1, 2, 3]), condition: .ifAbsent) }
        #expect(error?.kind == .unknownOutcome)
    }

    @Test func `refusals that time does not heal are final, each with its kind`() async throws {
        let refusals: [(Int, String, ObjectStorageError.Kind)] = [
            (403, "AccessDenied", .denied), (403, "RequestTimeTooSkewed", .clockSkew),
            (403, "SignatureDoesNotMatch", .badCredentials), (403, "InvalidAccessKeyId", .badCredentials),
            (400, "ExpiredToken", .badCredentials), (404, "NoSuchKey", .notFound),
            (404, "NoSuchBucket", .storeNotFound),
            (400, "AuthorizationHeaderMalformed", .invalid), (301, "PermanentRedirect", .invalid),
            (400, "EntityTooLarge", .invalid), (507, "InsufficientStorage", .diskFull),
            (403, "QuotaExceeded", .diskFull),
            (416, "InvalidRange", .invalid),
        ]
        for (status, code, kind) in refusals {
            let faulty = try Faulty([.answer(status, body: xml(code, "hello"))])
            let error = await faulty.error { _ = try await $0.get("dir/k") }
            #expect(error?.kind == kind, "\(code)")
            #expect(faulty.server.received.count == 1, "\(code)")
            let text = error?.description ?? ""
            #expect(text.contains("s3://lake/dir/k") && text.contains(code) && text.contains("hello"))
            #expect(!text.contains("hush"))
        }
    }

    @Test func `clock skew is told with its size`() async throws {
        let faulty = try Faulty([
            .answer(
                403, headers: [("Date", "Mon, 23 Nov 2026 06:00:07 GMT")], body: xml("RequestTimeTooSkewed"))
        ])
        let error = await faulty.error { _ = try await $0.put("k", [1]) }
        #expect(error?.kind == .clockSkew)
        #expect(error?.description.contains("3000 s ahead") == true)
    }

    @Test func `a refused HEAD asks again with GET to learn why`() async throws {
        let faulty = try Faulty(
            try FaultServer { request, _ in
                request.method == "HEAD" ? .answer(403) : .answer(403, body: xml("RequestTimeTooSkewed"))
            })
        let error = await faulty.error { _ = try await $0.head("k") }
        #expect(error?.kind == .clockSkew)
        #expect(faulty.server.received.map(\.method) == ["HEAD", "GET"])
    }

    @Test func `a truncated download is taken up anew and is whole at the end`() async throws {
        let folder = try TemporaryFolder()
        let bytes = [UInt8](repeating: 5, count: 1000)
        let faulty = try Faulty(
            try FaultServer { request, number in
                if request.method == "HEAD" { return .answer(200, headers: [("Content-Length", "1000")]) }
                return number < 2
                    ? .truncated(200, promised: 1000, body: Array(bytes[..<300])) : .answer(200, body: bytes)
            })
        #expect(try await faulty.store.download("k", to: folder.path + "/f").size == 1000)
        #expect(try folder.read("f") == bytes)
    }

    @Test func `every request is signed, with hash, date and token`() async throws {
        let faulty = try Faulty([.answer(200)])
        _ = try await faulty.store.put("k", [1])
        _ = try await faulty.store.get("k")
        try await faulty.store.delete(["k"])
        for request in faulty.server.received {
            #expect(request.headers["x-amz-content-sha256"]?.count == 64)
            #expect(request.headers["x-amz-date"] == "20261123T065007Z")
            #expect(request.headers["x-amz-security-token"] == "hush-token")
            let signed = request.headers["authorization"] ?? ""
            #expect(signed.contains("host;"))
            #expect(signed.contains("x-amz-content-sha256;x-amz-date;x-amz-security-token"))
        }
    }

    @Test func `a listing that is malformed or goes in circles is an error`() async throws {
        let circle =
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
        for body in [
            circle, "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "<Other/>", "no xml", "",
            "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        ] {
            let faulty = try Faulty([.answer(200, body: Array(body.utf8))])
            let error = await faulty.error { _ = try await $0.list().collect() }
            #expect(error?.kind == .unavailable, "\(body)")
        }
    }

    @Test func `a batch delete carries its MD5 and tells of the object it could not delete`() async throws {
        let answer = """
            <DeleteResult><Error><Key>gone</Key><Code>NoSuchKey</Code></Error>\
            <Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>
            """
        let faulty = try Faulty([.answer(200, body: Array(answer.utf8))])
        let error = await faulty.error { try await $0.delete(["a", "b", "gone"]) }
        #expect(error?.kind == .denied)
        #expect(error?.object == "s3://lake/b")
        let request = try #require(faulty.server.received.first)
        #expect(request.headers["content-md5"] == Base64.encode(try MD5.hash(request.body)))
        #expect(request.target == "/lake?delete=")
    }

    @Test func `a server without batch delete is asked object by object`() async throws {
        let faulty = try Faulty(
            try FaultServer { request, _ in
                request.method == "POST" ? .answer(501, body: xml("NotImplemented")) : .answer(204)
            })
        try await faulty.store.delete(["a", "b"])
        #expect(faulty.server.received.map(\.method) == ["POST", "DELETE", "DELETE"])
    }

    @Test func `cancelling a call ends it`() async throws {
        let faulty = try Faulty([.hang])
        let task = Task { await faulty.error { _ = try await $0.get("k") } }
        while faulty.server.received.isEmpty { await Task.yield() }
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
    }
}
