// Tests of a v2 table that another engine upgrades to v3: the first vector of a data file includes its position
// deletes, and a commit that was prepared for v2 writes vectors to v3.

import Export
import Tables
import State
import Recovery
import Foundation
import Iceberg
import Testing

@Suite struct UpgradeTests {
    /// - Parameter exports: number of exports before the upgrade. After two, deletes are of one data file; later, of
    ///   several.
    @Test(arguments: [1, 2, 3, 5]) func deletedRowsStayDeleted(exports: Int) async throws {
        let world = try World()
        // Each later export keeps some rows, so every data file has live and deleted rows.
        for views in [200, 100, 40, 80, 20].prefix(exports) {
            try world.consume(World.views(views, days: 2))
            try await world.export()
        }
        let metadata = try await world.metadata(.counts)
        let io = TableIO(files: try world.warehouse.files(LoadedTable(metadata: metadata, metadataLocation: nil)))
        let live = try await io.scan(metadata.currentSnapshot, of: metadata)
        #expect(live.contains { !$0.positionDeletes.isEmpty } == (exports > 1))
        try world.foreign(.counts, "upgrade")
        for round in 0..<3 {
            try world.consume(World.views(round == 1 ? 20 : 200, days: 2))
            try await world.export()
            #expect(try world.read("duckdb") == world.counted(), "round \(round)")
            #expect(try await world.proof().findings == [])
            #expect(try await world.proof().isEqual)
        }
        #expect(try await world.restore(to: "again.db").countRows == Int64(world.counted().count))
        try await world.exporter.maintain(dryRun: false, mayGoOn: { true }, report: { _ in })
        #expect(try world.read() == world.counted(), "after maintenance")
        #expect(try await world.proof().isEqual)
    }

    /// The point of a commit at which the upgrade happens.
    enum Moment: String, CaseIterable {
        /// The commit was not applied, and the process ended.
        case afterAFailure
        /// The commit was applied, and the answer was lost.
        case afterALostAnswer
        /// Between the last load of the table and the commit.
        case within
    }

    @Test(arguments: Moment.allCases) func aCommitPreparedForV2IsNotLostAndNotMadeInV2(moment: Moment) async throws {
        let holder = Holder()
        let world = try World(catalog: { holder.make($0) })
        for _ in 0..<3 {
            try world.consume(World.views(200))
            try await world.export()
        }
        try world.consume(World.views(200))
        let catalog = try #require(holder.catalog)
        let (rawTable, folder) = (world.settings.tables.rawTable, world.path(.counts))
        // Raw commits first: the hook waits for the counts.
        catalog.next { inner, table, requirements, updates in
            if table.name == rawTable {
                catalog.next(Self.hook(moment, folder))
                return nil
            }
            return await Self.hook(moment, folder)(inner, table, requirements, updates)
        }
        do { try await world.export() } catch { #expect(moment == .afterAFailure, "\(error)") }
        if moment != .within { try world.foreign(.counts, "upgrade") }
        try await world.export()
        let metadata = try await world.metadata(.counts)
        #expect(metadata.formatVersion == 3)
        let open = try world.store.with { try $0.intent(of: .counts) }
        #expect(open == nil)
        #expect(try world.read("duckdb") == world.counted())
        #expect(try await world.proof().isEqual)
        let io = TableIO(files: try world.warehouse.files(LoadedTable(metadata: metadata, metadataLocation: nil)))
        for manifest in try await io.manifests(of: metadata.currentSnapshot)
        where manifest.content == .deletes && moment != .afterALostAnswer {
            let added = try await io.entries(of: manifest, in: metadata).filter { entry in
                entry.status == .added && entry.snapshotID == metadata.currentSnapshotID
            }
            #expect(!added.contains { !$0.file.isDeletionVector }, "position deletes were added to a v3 table")
        }
    }

    private static func hook(_ moment: Moment, _ folder: String) -> InterposedCatalog.Commit {
        { inner, table, requirements, updates in
            switch moment {
            case .afterAFailure: return .failed(CatalogError(.unavailable, "away"))
            case .afterALostAnswer:
                _ = await inner.commit(table, requirements: requirements, updates: updates)
                return .unknown("lost")
            case .within:
                try? World.upgrade(folder)
                return nil
            }
        }
    }

    /// Holds the catalog that the world made.
    private final class Holder: @unchecked Sendable {
        var catalog: InterposedCatalog?
        func make(_ inner: any Catalog) -> any Catalog {
            let made = InterposedCatalog(inner)
            catalog = made
            return made
        }
    }
}
