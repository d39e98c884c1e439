// What each answer of a REST catalog proves about a commit.
import Base
import Foundation
import HTTP
import Iceberg
import Testing

@Suite struct RESTOutcomeTests {
    private let server: ChildProcess
    private let address: String

    init() throws {
        let script = PythonLake.folder.appending(path: "Scripts/rest_faults.py").path
        server = try ChildProcess(PythonLake.interpreter, [script])
        address = "http://127.0.0.1:\(try server.line())/"
    }

    private func catalog(
        _ authorization: RESTSettings.Authorization = .bearer("given"), timeout: Duration = .seconds(20),
        uptime: @escaping @Sendable () -> Duration = { .zero }
    ) throws -> RESTCatalog {
        RESTCatalog(
            settings: RESTSettings(
                address: address, warehouse: "s3://w h", authorization: authorization, timeout: timeout),
            client: try HTTPClient(), uptime: uptime, pause: { _ in })
    }

    private func commit(_ catalog: RESTCatalog, _ table: String) async -> CommitOutcome {
        await catalog.commit(
            TableIdentifier(namespace: ["a", "b"], name: table), requirements: [.uuid("u")],
            updates: [.setProperties(["k": "v"])])
    }

    @Test func `409 is a conflict, with the catalog's words on one line`() async throws {
        let outcome = await commit(try catalog(), "s409")
        #expect(outcome == .conflict("commit to a.b.s409: status 409: as asked for"))
    }

    @Test(arguments: ["s500", "s502", "s503", "s504", "s408", "reset", "half"])
    func `5xx and connections cut after sending are unknown`(table: String) async throws {
        guard case .unknown = await commit(try catalog(), table) else {
            Issue.record("not unknown")
            return
        }
    }

    @Test func `no answer in time is unknown`() async throws {
        guard case .unknown = await commit(try catalog(timeout: .milliseconds(700)), "hang") else {
            Issue.record("not unknown")
            return
        }
    }

    @Test(arguments: [
        ("s400", CatalogError.Kind.refused), ("s401", .denied), ("s403", .denied), ("s404", .notFound),
        ("s422", .refused), ("s429", .unavailable),
    ])
    func `other 4xx are failures with a reason`(table: String, kind: CatalogError.Kind) async throws {
        guard case .failed(let error) = await commit(try catalog(), table) else {
            Issue.record("not failed")
            return
        }
        #expect(error.kind == kind)
        #expect(error.description.contains("as asked for"))
    }

    @Test func `200 is a commit even when the rest of the answer makes no sense`() async throws {
        #expect(await commit(try catalog(), "garbage") == .committed(nil))
    }

    @Test func `a catalog that cannot be reached fails the commit for certain`() async throws {
        let catalog = RESTCatalog(
            settings: RESTSettings(address: "http://127.0.0.1:1"), client: try HTTPClient(), pause: { _ in })
        guard case .failed(let error) = await commit(catalog, "s409") else {
            Issue.record("not failed")
            return
        }
        #expect(error.kind == .unavailable)
    }

    @Test func `overrides win over defaults, and a missing table is nil`() async throws {
        let catalog = try catalog()
        let configuration = try await catalog.configuration()
        #expect(configuration["a"] == "default" && configuration["b"] == "override")
        #expect(try await catalog.load(TableIdentifier(namespace: ["a"], name: "none")) == nil)
    }

    @Test func `a list is read page by page`() async throws {
        let names = try await catalog().list(namespace: ["a", "b"]).map(\.name)
        #expect(names == ["one", "two"])
    }

    @Test func `a token that is refused is renewed once and the commit sent again`() async throws {
        let catalog = try catalog(.clientCredentials(id: "me", secret: "s&=", scope: "catalog", server: nil))
        guard case .conflict = await commit(catalog, "expired") else {
            Issue.record("not a conflict")
            return
        }
        #expect(try server.line() == "expired Bearer t1")
        #expect(try server.line() == "expired Bearer t2")
    }

    @Test func `a token is renewed before it expires`() async throws {
        let seconds = Lock(0)
        let catalog = try catalog(
            .clientCredentials(id: "me", secret: "s", scope: "catalog", server: nil),
            uptime: { .seconds(seconds.withLock { $0 }) })
        _ = await commit(catalog, "s409")
        seconds.withLock { $0 = 89 }
        _ = await commit(catalog, "s409")
        seconds.withLock { $0 = 91 }
        _ = await commit(catalog, "s409")
        #expect(try (0..<3).map { _ in try server.line() } == ["s409 Bearer t1", "s409 Bearer t1", "s409 Bearer t2"])
    }

    @Test func `wrong credentials are denied without the secret in the message`() async throws {
        let catalog = try catalog(.clientCredentials(id: "me", secret: "wrong", scope: "catalog", server: nil))
        guard case .failed(let error) = await commit(catalog, "s409") else {
            Issue.record("not failed")
            return
        }
        #expect(error.kind == .denied)
        #expect(error.description.contains("client me") && !error.description.contains("wrong"))
    }
}
