// Tables written by us equal the oracle in duckdb and pyiceberg, after every generation.
import Avro
import Foundation
import Iceberg
import Testing

@Suite struct GenerationTests {
    @Test(arguments: [2, 3])
    func `thirty generations of upserts read the same in duckdb and pyiceberg, each of them`(formatVersion: Int)
        async throws
    {
        let folder = try ScratchFolder()
        let seed: UInt64 = 90 + UInt64(formatVersion)
        let clock: Int64 = 1_700_000_000_000
        let catalog = FileCatalog(files: folder.files, warehouse: folder.location, nowMilliseconds: { clock })
        guard case .created = try await catalog.create(Views.table, Views.definition(formatVersion)) else {
            Issue.record("the table was not created")
            return
        }
        let lake = try PythonLake()
        let writer = GenerationWriter(
            lake, catalog, TableIO(files: folder.files), formatVersion: formatVersion, seed: seed)
        let policy = ManifestPolicy(mergeAbove: 6)
        for generation in 1...30 {
            let outcome = try await writer.advance(generation, policy: policy)
            guard case .committed(let table?) = outcome, let metadata = table.metadataLocation else {
                Issue.record("seed \(seed), generation \(generation): \(outcome)")
                return
            }
            #expect(table.metadata.properties["test.last"] == "\(generation)")
            let expected = writer.expected
            let duckdb = try lake.call("read_duckdb", .string(catalog.location(of: Views.table)))
            #expect(duckdb == expected, "duckdb, seed \(seed), generation \(generation)")
            let pyiceberg = try lake.call("read_pyiceberg", .string(metadata))
            #expect(pyiceberg == expected, "pyiceberg, seed \(seed), generation \(generation)")
            try check(try lake.call("inspect", .string(metadata)), generation)
        }
        try await expire(catalog, folder)
        let remaining = try lake.call("read_duckdb", .string(catalog.location(of: Views.table)))
        #expect(remaining == writer.expected, "after expiry, seed \(seed)")
    }

    /// Expires all but the last snapshot and removes what only they had: then every file on disk is one the table has.
    private func expire(_ catalog: FileCatalog, _ folder: ScratchFolder) async throws {
        let io = TableIO(files: folder.files)
        let metadata = try #require(try await catalog.load(Views.table)).metadata
        let plan = try #require(metadata.expiryPlan(ExpiryPolicy(keepSinceMilliseconds: Int64.max)))
        let files = try await io.unreferencedFiles(plan, of: metadata)
        let outcome = await catalog.commit(Views.table, requirements: plan.requirements, updates: plan.updates)
        guard case .committed(let table?) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        try await folder.files.delete(files.all)
        let snapshot = try #require(table.metadata.currentSnapshot)
        let manifests = try await io.manifests(of: snapshot)
        let entries = try await io.entries(of: manifests, in: table.metadata)
        var known = Set(manifests.map(\.path) + [snapshot.manifestList])
        for entry in entries.values.joined() where entry.isLive { known.insert(entry.file.path) }
        let found = try Set(
            folder.paths().filter { !$0.contains("metadata.json") && !$0.hasSuffix("version-hint.text") })
        #expect(found.subtracting(known) == [], "left behind")
        #expect(known.subtracting(found) == [], "removed though needed")
    }

    private func check(_ seen: JSON, _ generation: Int) throws {
        let manifests = try #require(seen["manifests"]?.array)
        #expect(manifests.count <= 14, "manifests are merged")
        let entries = try #require(seen["entries"]?.array)
        #expect(entries.allSatisfy { $0.array?[1] != .integer(2) }, "no equality deletes")
        let live = entries.filter { $0.array?[0] != .integer(2) }
        func total(_ content: Int64) -> Int64 {
            live.filter { $0.array?[1] == .integer(content) }.reduce(0) { $0 + ($1.array?[3].integer ?? 0) }
        }
        let summary = seen["summary"]
        #expect(summary?["test.generation"] == .string("\(generation)"))
        #expect(summary?["total-records"] == .string("\(total(0))"))
        #expect(summary?["total-position-deletes"] == .string("\(total(1))"))
        let files = live.count { $0.array?[1] == .integer(0) }
        #expect(summary?["total-data-files"] == .string("\(files)"))
        #expect(summary?["total-delete-files"] == .string("\(live.count - files)"))
    }
}
