// The catalog of numbered files: one winner, hints that lie, outcomes that are not known.
import Foundation
import Iceberg
import ObjectStorage
import Synchronization
import Testing

@Suite struct FileCatalogTests {
    private static let location = "memory:///w"
    private static let hint = "pageviews/postcode_view_count/metadata/version-hint.text"

    private func catalog(_ store: any ObjectStore) -> FileCatalog {
        FileCatalog(
            files: TableFiles(location: Self.location, store: store), warehouse: Self.location,
            nowMilliseconds: { 1_700_000_000_000 })
    }

    private func set(_ key: String, _ catalog: FileCatalog) async -> CommitOutcome {
        await catalog.commit(Views.table, requirements: [], updates: [.setProperties([key: "1"])])
    }

    private func properties(_ catalog: FileCatalog) async throws -> [String] {
        try #require(try await catalog.load(Views.table)).metadata.properties.keys.sorted()
    }

    @Test func `a table is created once, listed, and loads as it was defined`() async throws {
        let catalog = catalog(MemoryStore())
        #expect(try await catalog.load(Views.table) == nil)
        guard case .created(let table) = try await catalog.create(Views.table, Views.definition(2)) else {
            Issue.record("not created")
            return
        }
        #expect(table.metadataLocation == "\(Self.location)/pageviews/postcode_view_count/metadata/v1.metadata.json")
        #expect(try await catalog.create(Views.table, Views.definition(2)) == .exists)
        #expect(try await catalog.load(Views.table) == table)
        #expect(try await catalog.list(namespace: ["pageviews"]) == [Views.table])
        #expect(try await catalog.list(namespace: ["nothing"]) == [])
    }

    @Test func `each commit adds a version and writes the hint`() async throws {
        let store = MemoryStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        for key in ["a", "b", "c"] { #expect(await set(key, catalog).isCommitted) }
        #expect(try await store.get(Self.hint).bytes == [UInt8]("4".utf8))
        let log = try #require(try await catalog.load(Views.table)).metadata.metadataLog
        #expect(
            log.map { $0.file.split(separator: "/").last } == [
                "v1.metadata.json", "v2.metadata.json", "v3.metadata.json",
            ])
        #expect(try await properties(catalog) == ["a", "b", "c"])
    }

    @Test(arguments: ["1", "2\n", " 4 ", "99", "-3", "x", "", "999999999999999999999999"])
    func `a hint that is old, wrong or missing does not hide the last version`(hint: String) async throws {
        let store = MemoryStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        for number in 0..<40 { _ = await set("k\(number)", catalog) }
        try await store.put(Self.hint, [UInt8](hint.utf8))
        #expect(try await properties(catalog).count == 40)
        try await store.delete([Self.hint])
        #expect(try await properties(catalog).count == 40)
    }

    @Test func `of eight racing writers one wins each round`() async throws {
        let folder = try ScratchFolder()
        let catalog = FileCatalog(
            files: folder.files, warehouse: folder.location, nowMilliseconds: { 1_700_000_000_000 })
        _ = try await catalog.create(Views.table, Views.definition(2))
        let io = TableIO(files: folder.files)
        for round in 0..<10 {
            let metadata = try #require(try await catalog.load(Views.table)).metadata
            let outcomes = try await Race.run(
                writers: 8, catalog: catalog, io: io, table: Views.table, metadata: metadata)
            #expect(outcomes.count { $0.isCommitted } == 1, "round \(round): \(outcomes)")
            #expect(outcomes.count { $0.isConflict } == 7, "round \(round): \(outcomes)")
        }
        #expect(try #require(try await catalog.load(Views.table)).metadata.snapshots.count == 10)
    }

    @Test func `a write that was applied but lost its answer is a commit`() async throws {
        let store = FaultyStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        store.next(.appliedUnknown, on: "v2.metadata.json")
        #expect(await set("a", catalog).isCommitted)
        #expect(try await properties(catalog) == ["a"])
    }

    @Test func `a write that may still come is unknown`() async throws {
        let store = FaultyStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        store.next(.lostUnknown, on: "v2.metadata.json")
        #expect(await set("a", catalog).isUnknown)
        #expect(try await properties(catalog) == [])
    }

    @Test func `a write that was confirmed and is not there is unknown, and the next one works`() async throws {
        let store = FaultyStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        store.next(.lostConfirmed, on: "v2.metadata.json")
        #expect(await set("a", catalog).isUnknown)
        #expect(try await properties(catalog) == [])
        #expect(await set("b", catalog).isCommitted)
        #expect(try await properties(catalog) == ["b"])
    }

    @Test func `a write that certainly did not happen is a failure, and the next one works`() async throws {
        let store = FaultyStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        store.next(.denied, on: "v2.metadata.json")
        guard case .failed(let error) = await set("a", catalog) else {
            Issue.record("not failed")
            return
        }
        #expect(error.kind == .denied && error.description.contains("v2.metadata.json"))
        #expect(await set("a", catalog).isCommitted)
    }

    @Test func `a hint that cannot be written is no failure`() async throws {
        let store = FaultyStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        store.next(.denied, on: "version-hint.text")
        #expect(await set("a", catalog).isCommitted)
        #expect(try await properties(catalog) == ["a"])
    }

    @Test func `a writer that slept cannot win a number that was used and cleaned away`() async throws {
        let store = FaultyStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        // While the sleeper is about to create v2, others go on to v6 and v2 is cleaned away.
        store.before("v2.metadata.json") {
            for number in 0..<5 { _ = await set("other\(number)", catalog) }
            try? await store.delete(["pageviews/postcode_view_count/metadata/v2.metadata.json"])
        }
        let outcome = await set("sleeper", catalog)
        #expect(outcome.isUnknown, "the caller looks for its commit and does not find it")
        #expect(try await properties(catalog) == (0..<5).map { "other\($0)" })
    }

    @Test func `old metadata files go when the property says so`() async throws {
        let store = MemoryStore()
        let catalog = catalog(store)
        _ = try await catalog.create(
            Views.table,
            Views.definition(
                2,
                properties: [
                    "write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "3",
                ]))
        for number in 0..<10 { #expect(await set("k\(number)", catalog).isCommitted) }
        let names = try await store.list(prefix: "pageviews/postcode_view_count/metadata/v").collect().map(\.key)
        #expect(names.count == 5, "three in the log, the current one and the hint: \(names)")
    }

    @Test func `a requirement that does not hold is a conflict, a missing table a failure`() async throws {
        let catalog = catalog(MemoryStore())
        guard case .failed(let error) = await set("a", catalog) else {
            Issue.record("not failed")
            return
        }
        #expect(error.kind == .notFound)
        _ = try await catalog.create(Views.table, Views.definition(2))
        let stale = await catalog.commit(
            Views.table, requirements: [.refSnapshot(name: "main", 5)], updates: [.setProperties(["a": "b"])])
        #expect(stale.isConflict)
    }

    @Test func `damaged metadata is named`() async throws {
        let store = MemoryStore()
        let catalog = catalog(store)
        _ = try await catalog.create(Views.table, Views.definition(2))
        try await store.put("pageviews/postcode_view_count/metadata/v2.metadata.json", [UInt8]("{".utf8))
        let error = await #expect(throws: CatalogError.self) { try await catalog.load(Views.table) }
        #expect(error?.description.contains("v2.metadata.json") == true)
    }

    @Test func `a table with compressed metadata is refused, not taken for a new one`() async throws {
        let store = MemoryStore()
        let catalog = catalog(store)
        try await store.put("pageviews/postcode_view_count/metadata/v3.gz.metadata.json", [1])
        try await store.put(Self.hint, [UInt8]("3".utf8))
        await #expect(throws: CatalogError.self) { try await catalog.load(Views.table) }
        await #expect(throws: CatalogError.self) { try await catalog.create(Views.table, Views.definition(2)) }
    }

    @Test func `what is printed of a table has no secrets`() throws {
        let table = LoadedTable(
            metadata: try Views.metadata(), metadataLocation: nil, config: ["s3.secret-access-key": "hush"])
        let settings = RESTSettings.Authorization.clientCredentials(id: "me", secret: "hush", scope: "s", server: nil)
        #expect(!"\(CommitOutcome.committed(table)) \(settings)".contains("hush"))
    }

    @Test func `a name that is no folder is refused`() async throws {
        let catalog = catalog(MemoryStore())
        for name in ["", ".", "..", "a/b", "a\0"] {
            await #expect(throws: CatalogError.self) {
                try await catalog.create(TableIdentifier(namespace: ["n"], name: name), Views.definition(2))
            }
        }
    }
}
