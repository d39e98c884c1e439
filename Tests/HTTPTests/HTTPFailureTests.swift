import FaultServer
import Glibc
import HTTP
import Testing

@Suite(.timeLimit(.minutes(5)))
struct HTTPFailureTests {
    let client: HTTPClient
    init() throws { client = try HTTPClient() }

    @Test func `a closed port means the request was certainly not sent`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        server.stop()
        let error = await failure(HTTPRequest(method: "POST", url: server.endpoint, body: .bytes([1])))
        #expect(error?.kind == .couldNotConnect)
        #expect(error?.requestMayHaveBeenProcessed == false)
    }

    @Test func `an unknown host means the request was certainly not sent`() async throws {
        let error = await failure(HTTPRequest(method: "POST", url: "http://no-such-host.invalid/"))
        #expect(error?.kind == .couldNotResolve)
        #expect(error?.requestMayHaveBeenProcessed == false)
    }

    @Test func `a server that does not speak TLS means the request was certainly not sent`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        let error = await failure(
            HTTPRequest(method: "POST", url: "https://127.0.0.1:\(server.port)/", timeout: .milliseconds(300)))
        #expect(error?.requestMayHaveBeenProcessed == false)
        #expect(error?.kind == .tls || error?.kind == .timedOut)
    }

    @Test(arguments: [0, 1])
    func `a reset after the request means the outcome is unknown`(which: Int) async throws {
        let server = try FaultServer(script: [which == 0 ? .resetAfterBody : .resetBeforeBody])
        let error = await failure(
            HTTPRequest(method: "PUT", url: server.endpoint, body: .bytes([UInt8](repeating: 1, count: 100))))
        #expect(error?.kind == .connectionLost)
        #expect(error?.requestMayHaveBeenProcessed == true)
        #expect(server.received.count == 1)
    }

    @Test func `a close without an answer means the outcome is unknown`() async throws {
        let server = try FaultServer(script: [.closeAfterBody])
        let error = await failure(HTTPRequest(method: "POST", url: server.endpoint))
        #expect(error?.kind == .connectionLost)
        #expect(error?.requestMayHaveBeenProcessed == true)
    }

    @Test func `a hanging server is left when the time is over, outcome unknown`() async throws {
        let server = try FaultServer(script: [.hang])
        let error = await failure(
            HTTPRequest(method: "POST", url: server.endpoint, body: .bytes([1]), timeout: .milliseconds(200)))
        #expect(error?.kind == .timedOut)
        #expect(error?.requestMayHaveBeenProcessed == true)
    }

    @Test func `an answer that stops early is an error that keeps the status`() async throws {
        let server = try FaultServer(script: [.truncated(200, promised: 100, body: [1, 2, 3])])
        let error = await failure(HTTPRequest(url: server.endpoint))
        #expect(error?.kind == .truncatedResponse)
        #expect(error?.status == 200)
    }

    @Test func `a truncated download leaves no file`() async throws {
        let server = try FaultServer(script: [.truncated(200, promised: 100, body: [1, 2, 3])])
        let folder = try TemporaryFolder()
        let target = folder.path + "/target"
        #expect(await failure(HTTPRequest(url: server.endpoint, sink: .file(path: target)))?.kind == .truncatedResponse)
        #expect(access(target, F_OK) != 0)
    }

    @Test func `an answer above the limit is refused`() async throws {
        let server = try FaultServer(script: [.answer(200, body: [UInt8](repeating: 7, count: 5000))])
        let error = await failure(HTTPRequest(url: server.endpoint, maximumResponseBytes: 4999))
        let seen = "\(server.connectionCount) connections, \(server.received.count) requests"
        #expect(error?.kind == .responseTooLarge, "\(error.map { "\($0)" } ?? "no error") after \(seen)")
        let fits = try await client.send(HTTPRequest(url: server.endpoint, maximumResponseBytes: 5000))
        #expect(fits.body.count == 5000)
    }

    @Test func `headers without end are refused`() async throws {
        let flood =
            "HTTP/1.1 200 OK\r\n" + String(repeating: "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", count: 20_000)
        let server = try FaultServer(script: [.raw(Array(flood.utf8))])
        #expect(await failure(HTTPRequest(url: server.endpoint))?.kind == .responseTooLarge)
    }

    @Test func `an answer that is not HTTP is a lost connection`() async throws {
        let server = try FaultServer(script: [.raw(Array("SSH-2.0-OpenSSH\r\n".utf8))])
        let error = await failure(HTTPRequest(method: "POST", url: server.endpoint))
        #expect(error?.kind == .connectionLost)
        #expect(error?.requestMayHaveBeenProcessed == true)
    }

    /// The server processes the second request on a kept connection and closes without answering. libcurl alone would
    /// send the POST once more on a new connection and report only the outcome of that.
    @Test func `a POST lost on a kept connection is reported, not repeated`() async throws {
        let server = try FaultServer(script: [.answer(200), .closeAfterBody, .answer(409)])
        _ = try await client.send(HTTPRequest(url: server.endpoint))
        let error = await failure(HTTPRequest(method: "POST", url: server.endpoint))
        #expect(error?.kind == .connectionLost)
        #expect(error?.requestMayHaveBeenProcessed == true)
        #expect(server.received.count == 2)
    }

    @Test func `a GET lost on a kept connection is repeated`() async throws {
        let server = try FaultServer(script: [.answer(200), .closeAfterBody, .answer(203)])
        _ = try await client.send(HTTPRequest(url: server.endpoint))
        #expect(try await client.send(HTTPRequest(url: server.endpoint)).status == 203)
    }

    @Test func `a kept connection that the server closed is noticed before a POST is sent on it`() async throws {
        let server = try FaultServer(script: [.answerThenClose(200, body: [1]), .answer(201)])
        _ = try await client.send(HTTPRequest(url: server.endpoint))
        while server.openConnections > 0 { await Task.yield() }
        #expect(try await client.send(HTTPRequest(method: "POST", url: server.endpoint)).status == 201)
    }

    @Test func `a file that cannot be read is named, and nothing is sent`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        let error = await failure(
            HTTPRequest(
                method: "PUT", url: server.endpoint, body: .file(FileRegion(path: "/no/such", offset: 0, length: 1))))
        #expect(error?.kind == .localFile(errno: ENOENT))
        #expect(error?.requestMayHaveBeenProcessed == false)
        #expect(error?.description.contains("/no/such") == true)
        #expect(server.received.isEmpty)
    }

    @Test func `a file that is shorter than promised ends the request`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        let folder = try TemporaryFolder()
        let source = try folder.write("source", [1, 2, 3])
        let error = await failure(
            HTTPRequest(
                method: "PUT", url: server.endpoint, body: .file(FileRegion(path: source, offset: 0, length: 4))))
        #expect(error?.kind == .localFile(errno: EIO))
        #expect(server.received.allSatisfy { $0.body.isEmpty })
    }

    @Test func `cancelling ends a request that hangs`() async throws {
        let server = try FaultServer(script: [.hang])
        let task = Task { await failure(HTTPRequest(method: "POST", url: server.endpoint)) }
        while server.received.isEmpty { await Task.yield() }
        task.cancel()
        let error = await task.value
        #expect(error?.kind == .cancelled)
        #expect(error?.requestMayHaveBeenProcessed == true)
    }

    @Test func `a task that is already cancelled sends nothing`() async throws {
        let server = try FaultServer { _, _ in .answer(200) }
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return await failure(HTTPRequest(url: server.endpoint))
        }
        task.cancel()
        let error = await task.value
        #expect(error?.kind == .cancelled)
        #expect(error?.requestMayHaveBeenProcessed == false)
        #expect(server.received.isEmpty)
    }

    @Test func `messages hold neither passwords nor queries`() async throws {
        let error = await failure(HTTPRequest(url: "http://me:secret@no-such-host.invalid/path?token=secret"))
        let text = try #require(error?.description)
        #expect(!text.contains("secret"))
        #expect(text.contains("http://no-such-host.invalid/path"))
    }

    func failure(_ request: HTTPRequest) async -> HTTPError? {
        do throws(HTTPError) {
            _ = try await client.send(request)
            return nil
        } catch { return error }
    }
}
