// Purpose: the REST catalog against a server: SeaweedFS. Data files go to the plain bucket, since the table bucket
// refuses Puffin files.
import Avro
import Foundation
import HTTP
import Iceberg
import ObjectStorage
import Testing

@Suite struct RESTCatalogTests {
    private let server: SeaweedServer
    private let catalog: RESTCatalog
    private let files: TableFiles

    init() throws {
        server = try SeaweedServer.shared.get()
        (catalog, files) = try server.open()
    }

    private func unique(_ name: String) -> TableIdentifier {
        TableIdentifier(
            namespace: ["n\(UUID().uuidString.prefix(8).lowercased())"], name: name)
    }

    private func definition(_ table: TableIdentifier, _ formatVersion: Int) -> TableDefinition {
        Views.definition(
            formatVersion, properties: ["write.data.path": "s3://plain/\(table.namespace[0])/\(table.name)"])
    }

    @Test(arguments: [2, 3])
    func `a table is created once, with its namespace, and loads as it was defined`(formatVersion: Int) async throws {
        let table = unique("views")
        #expect(try await catalog.load(table) == nil)
        guard case .created(let created) = try await catalog.create(table, definition(table, formatVersion)) else {
            Issue.record("not created")
            return
        }
        #expect(created.metadata.formatVersion == formatVersion)
        #expect(created.metadata.currentSchema?.hasSameColumns(as: Views.schema) == true)
        #expect(created.metadata.defaultSpec?.fields.first?.transform == .day)
        #expect(created.metadata.currentSnapshot == nil)
        #expect(created.metadata.location.hasPrefix("s3://warehouse/"))
        #expect(try await catalog.create(table, definition(table, formatVersion)) == .exists)
        let loaded = try await catalog.load(table)
        #expect(loaded?.metadata.uuid == created.metadata.uuid)
        #expect(try await catalog.list(namespace: table.namespace) == [table])
    }

    @Test(arguments: [2, 3])
    func `upserts through the catalog read the same in pyiceberg`(formatVersion: Int) async throws {
        let table = unique("views")
        _ = try await catalog.create(table, definition(table, formatVersion))
        let lake = try PythonLake()
        let store = try S3Lake(lake: lake, files: files)
        let writer = GenerationWriter(
            lake, catalog, TableIO(files: files), table: table, formatVersion: formatVersion, seed: 5, store: store)
        for generation in 1...5 {
            let outcome = try await writer.advance(generation, policy: ManifestPolicy(mergeAbove: 3))
            guard case .committed = outcome else {
                Issue.record("generation \(generation): \(outcome)")
                return
            }
            let seen = try lake.call(
                "rest_load", .string(server.catalog), .string("s3://warehouse"), .string("testkey:testsecret"),
                .string(table.namespace[0]), .string(table.name),
                .object([
                    "s3.endpoint": .string(server.s3), "s3.access-key-id": .string("testkey"),
                    "s3.secret-access-key": .string("testsecret"), "s3.region": .string("us-east-1"),
                ]))
            #expect(seen == writer.expected, "generation \(generation)")
        }
    }

    @Test func `of six racing writers one wins each round, the others conflict`() async throws {
        let table = unique("race")
        _ = try await catalog.create(table, definition(table, 2))
        let catalog = self.catalog
        let io = TableIO(files: files)
        for round in 0..<3 {
            let metadata = try #require(try await catalog.load(table)).metadata
            let outcomes = try await Race.run(writers: 6, catalog: catalog, io: io, table: table, metadata: metadata)
            #expect(outcomes.count { $0.isCommitted } == 1, "round \(round): \(outcomes)")
            #expect(outcomes.count { $0.isConflict } == 5, "round \(round): \(outcomes)")
        }
        let final = try #require(try await catalog.load(table)).metadata
        #expect(final.snapshots.count == 3)
    }

    @Test func `a table that was dropped is a failure that says so`() async throws {
        let table = unique("gone")
        let outcome = await catalog.commit(
            table, requirements: [.uuid("11111111-2222-4333-8444-555555555555")],
            updates: [.setProperties(["a": "b"])])
        guard case .failed(let error) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(error.kind == .notFound, "\(error)")
    }
}
