// The REST catalog against a server: SeaweedFS. Data files go to the plain bucket, since the table bucket
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
    func `upserts through the catalog read the same in pyiceberg and duckdb`(formatVersion: Int) async throws {
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
            let seen = try server.call(lake, "rest_load", table)
            #expect(seen == writer.expected, "generation \(generation)")
        }
    }

    // Not partitioned: pyiceberg writes day partitions only with a library that is not installed.
    @Test func `a commit of another writer between ours is a conflict, and the retry on top of it keeps both`()
        async throws
    {
        let table = unique("views")
        var definition = definition(table, 2)
        definition.spec = PartitionSpec()
        _ = try await catalog.create(table, definition)
        let lake = try PythonLake()
        let store = try S3Lake(lake: lake, files: files)
        let io = TableIO(files: files)
        func stage(_ name: String, on metadata: TableMetadata) async throws -> CommitPlan {
            let path = "\(metadata.dataFolder)/\(name).parquet"
            let size = try await store.write(
                "write_data", path, .array([.array([.string(name), .integer(0), .integer(1)])]))
            var change = ChangeSet()
            change.addedDataFiles = [
                DataFile(content: .data, path: path, specID: 0, partition: [], recordCount: 1, fileSizeBytes: size)
            ]
            var generator = SystemRandomNumberGenerator()
            return try await io.stage(
                change, on: metadata, identity: .random(nowMilliseconds: 1_700_000_000_000, using: &generator))
        }
        func row(_ name: String) -> JSON { .array([.string(name), .integer(0), .integer(1)]) }

        let empty = try #require(try await catalog.load(table)).metadata
        let plan = try await stage("A1", on: empty)
        try server.call(lake, "rest_append", table, .array([row("ZZ9")]))
        #expect(await catalog.commit(table, requirements: plan.requirements, updates: plan.updates).isConflict)
        try await io.discard(plan)
        let rebased = try #require(try await catalog.load(table)).metadata
        let retry = try await stage("A2", on: rebased)
        #expect(await catalog.commit(table, requirements: retry.requirements, updates: retry.updates).isCommitted)
        #expect(try server.call(lake, "rest_load", table) == .array([row("A2"), row("ZZ9")]))

        try server.call(lake, "rest_delete", table, .string("postcode = 'ZZ9'"))
        let metadata = try #require(try await catalog.load(table)).metadata
        let tasks = try await io.scan(metadata.currentSnapshot, of: metadata)
        #expect(tasks.map(\.file.path) == ["\(metadata.dataFolder)/A2.parquet"], "the other writer's row is gone")
    }

    @Test func `a file catalog in a bucket has one winner a round and is read by pyiceberg`() async throws {
        let warehouse = "s3://plain/w-\(UUID().uuidString.prefix(8).lowercased())"
        let files = self.files
        let catalog = FileCatalog(files: files, warehouse: warehouse, nowMilliseconds: { 1_700_000_000_000 })
        _ = try await catalog.create(Views.table, Views.definition(3))
        let lake = try PythonLake()
        let writer = GenerationWriter(
            lake, catalog, TableIO(files: files), formatVersion: 3, seed: 6, store: try S3Lake(lake: lake, files: files)
        )
        for generation in 1...3 {
            guard case .committed(let table?) = try await writer.advance(generation, policy: ManifestPolicy()) else {
                Issue.record("generation \(generation)")
                return
            }
            let seen = try lake.call(
                "read_pyiceberg", .string(try #require(table.metadataLocation)), server.properties)
            #expect(seen == writer.expected, "generation \(generation)")
        }
        let metadata = try #require(try await catalog.load(Views.table)).metadata
        let outcomes = try await Race.run(
            writers: 6, catalog: catalog, io: TableIO(files: files), table: Views.table, metadata: metadata)
        #expect(outcomes.count { $0.isCommitted } == 1 && outcomes.count { $0.isConflict } == 5, "\(outcomes)")
        #expect(try await catalog.list(namespace: Views.table.namespace) == [Views.table])
    }

    @Test func `a location that no store has is named`() async throws {
        let files = self.files
        let error = await #expect(throws: ObjectStorageError.self) { try await files.read("file:///etc/passwd") }
        #expect(error?.description.contains("file:///etc/passwd") == true)
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
