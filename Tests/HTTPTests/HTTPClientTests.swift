import FaultServer
import Glibc
import HTTP
import Testing

@Suite(.timeLimit(.minutes(5)))
struct HTTPClientTests {
    let client: HTTPClient
    init() throws { client = try HTTPClient() }

    @Test func `a JSON POST carries the bearer token and brings back status, headers and body`() async throws {
        let server = try FaultServer { request, _ in .answer(409, headers: [("X-Why", "taken")], body: request.body) }
        let body = Array(#"{"a":1}"#.utf8)
        let response = try await client.send(
            .json(url: server.endpoint + "/v1/tables?x=1", body: body, bearerToken: "abc"))
        #expect(response.status == 409)
        #expect(!response.isSuccess)
        #expect(response.headers["x-why"] == "taken")
        #expect(response.body == body)
        let seen = try #require(server.received.first)
        #expect(seen.method == "POST")
        #expect(seen.target == "/v1/tables?x=1")
        #expect(seen.headers["authorization"] == "Bearer abc")
        #expect(seen.headers["content-type"] == "application/json")
        #expect(seen.headers["expect"] == nil)
    }

    @Test func `the URL is sent as given`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        let target = "/b/../a/./%2e%2E/x%2fy//z+%20?prefix=a%3D&flag="
        _ = try await client.send(HTTPRequest(url: server.endpoint + target))
        #expect(server.received.map(\.target) == [target])
    }

    @Test(arguments: ["PUT", "POST", "DELETE", "PATCH"])
    func `bytes arrive unchanged with every method that carries them`(method: String) async throws {
        let server = try FaultServer { request, _ in .answer(200, body: request.body) }
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let response = try await client.send(HTTPRequest(method: method, url: server.endpoint, body: .bytes(body)))
        #expect(response.body == body)
        #expect(server.received.first?.method == method)
    }

    @Test(arguments: ["PUT", "POST"])
    func `a request without a body says its length is nought`(method: String) async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        _ = try await client.send(HTTPRequest(method: method, url: server.endpoint + "/?uploads="))
        #expect(server.received.first?.headers["content-length"] == "0")
    }

    @Test func `a HEAD answer has the length and no body`() async throws {
        let server = try FaultServer { _, _ in .answer(200, headers: [("Content-Length", "77")]) }
        let response = try await client.send(HTTPRequest(method: "HEAD", url: server.endpoint))
        #expect(response.headers["Content-Length"] == "77")
        #expect(response.body.isEmpty)
    }

    @Test func `a region of a file is sent, and the answer goes to a file`() async throws {
        let server = try FaultServer { request, _ in .answer(200, body: request.body) }
        let folder = try TemporaryFolder()
        let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let source = try folder.write("source", content)
        let target = folder.path + "/target"
        let response = try await client.send(
            HTTPRequest(
                method: "PUT", url: server.endpoint,
                body: .file(FileRegion(path: source, offset: 1000, length: 90_000)),
                sink: .file(path: target)))
        #expect(response.body.isEmpty)
        #expect(try folder.read("target") == Array(content[1000..<91_000]))
    }

    @Test func `the text of an error answer never goes to the file`() async throws {
        let server = try FaultServer { _, _ in .answer(404, body: Array("no".utf8)) }
        let folder = try TemporaryFolder()
        let response = try await client.send(
            HTTPRequest(url: server.endpoint, sink: .file(path: folder.path + "/target")))
        #expect(response.body == Array("no".utf8))
        #expect(access(folder.path + "/target", F_OK) != 0)
    }

    @Test func `connections are used again`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        for _ in 0..<20 { _ = try await client.send(HTTPRequest(url: server.endpoint)) }
        #expect(server.connectionCount == 1)
    }

    @Test func `many requests run at once`() async throws {
        let server = try FaultServer { request, _ in .answer(200, body: Array(request.target.utf8)) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<50 {
                group.addTask { [client] in
                    let response = try await client.send(HTTPRequest(url: server.endpoint + "/\(number)"))
                    return response.body == Array("/\(number)".utf8)
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test func `a malformed request is refused before anything is sent`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        let bad = [
            HTTPRequest(method: "GE T", url: server.endpoint), HTTPRequest(url: server.endpoint + "/a b"),
            HTTPRequest(url: server.endpoint + "/é"), HTTPRequest(url: "ftp://127.0.0.1/"),
            HTTPRequest(url: server.endpoint, headers: [HTTPHeader("X", "a\r\nY: b")]),
            HTTPRequest(url: server.endpoint, headers: [HTTPHeader("X:", "a")]),
        ]
        for request in bad {
            let error = await failure(request)
            #expect(error?.kind == .invalidRequest, "\(request.url)")
            #expect(error?.requestMayHaveBeenProcessed == false)
        }
        #expect(server.received.isEmpty)
    }

    @Test func `the same request without a client's life ends in its answer`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        let response = try await HTTPClient().send(HTTPRequest(url: server.endpoint))
        #expect(response.status == 200)
    }

    func failure(_ request: HTTPRequest) async -> HTTPError? {
        do throws(HTTPError) {
            _ = try await client.send(request)
            return nil
        } catch { return error }
    }
}
