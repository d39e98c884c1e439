// Tests of changes that another engine makes to the tables between two exports: which exports continue, which stop, and
// with which error. No export that continues leaves a wrong number.

import Base
import Recovery
import Foundation
import Iceberg
import ObjectStorage
import SQLite
import TestSupport
import Testing

@testable import Export
@testable import State
@testable import Tables

/// The `TableError` of an export; nil when it did not fail with one.
private func exportError(_ world: World) async throws -> TableError? {
    do {
        try await world.export()
        return nil
    } catch let error as TableError { return error }
}

/// The error of the check at a start; nil for none.
private func startError(_ world: World) async throws -> TableError? {
    do {
        try await world.exporter.check()
        return nil
    } catch let error as TableError { return error }
}

private func isSetBack(_ error: TableError?) -> Bool {
    if case .rolledBack = error { return error?.description.contains("pageviews restore") == true }
    return false
}

@Suite struct RollbackTests {
    /// Changes of another tool after it has rolled the table back to the second of three commits.
    enum After: CaseIterable { case nothing, expiry, expiryWithoutParents, append, appendAndExpiry }

    @Test(arguments: After.allCases) func aRollbackIsFoundWhateverIsStillListed(after: After) async throws {
        let world = try World()
        for _ in 0..<3 {
            try world.consume(World.views(100))
            try await world.export()
        }
        let ids = try await world.snapshots()
        try world.foreign(.counts, "roll_back", "\(ids[1])")
        if [.append, .appendAndExpiry].contains(after) {
            try world.foreign(.counts, "append", #"[["X",1611619200,1]]"#)
        }
        switch after {
        case .expiry: try world.foreign(.counts, "expire_others")
        case .expiryWithoutParents: try world.foreign(.counts, "expire_others", "true")
        case .nothing, .append, .appendAndExpiry: break
        }
        try world.consume(World.views(100))
        let before = try await world.metadata(.counts).snapshots.count
        #expect(isSetBack(try await startError(world)))
        #expect(isSetBack(try await exportError(world)))
        #expect(try await world.metadata(.counts).snapshots.count == before, "something was committed")
        // The other table continued.
        #expect(try await world.metadata(.raw).currentSnapshot?.summary["total-records"] == "400")
        guard after == .nothing else { return }
        try world.foreign(.counts, "roll_back", "\(ids[2])")
        #expect(try await startError(world) == nil)
        try await world.export()
        #expect(try world.read() == world.counted())
    }

    /// A state that was restored from a table that was set back, which is then set forward again: the table has commits
    /// with offsets that the restored state reads again.
    @Test(arguments: ExportTable.allCases, [false, true])
    func aRollbackThatIsUndoneAfterARestoreStopsTheExport(table: ExportTable, exportsBetween: Bool) async throws {
        let lost = try World()
        for _ in 0..<3 {
            try lost.consume(World.views(100))
            try await lost.export()
        }
        let ids = try await lost.snapshots(table)
        try lost.foreign(table, "roll_back", "\(ids[1])")
        _ = try await lost.restore(to: "again.db")
        let world = try World(folder: lost.folder, state: "again.db")
        try world.consume(World.views(150))
        if exportsBetween {
            #expect(try await startError(world) == nil)
            try await world.export()
            try world.consume(World.views(20))
        }
        try world.foreign(table, "roll_back", "\(ids[2])")
        let (start, export) = (try await startError(world), try await exportError(world))
        #expect(start?.isTableChanged == true && export?.isTableChanged == true, "\(String(describing: export))")
        if !exportsBetween {
            #expect(export == .unknownCommit(table: world.exporter.fullName(of: table), snapshot: ids[2]))
        }
        #expect(try await world.metadata(table).currentSnapshotID == ids[2], "something was committed")
        // What the error says to do.
        #expect(try await world.restore(to: "once more.db").proof.isEqual)
        let restored = try World(folder: lost.folder, state: "once more.db")
        // At least as many as the counts table counts already.
        try restored.consume(World.views(100))
        try await restored.export()
        #expect(try restored.read() == restored.counted())
    }

    @Test func theRawTableIsHeldToItsRowsWhenAllOfOursHaveExpired() async throws {
        let world = try World()
        for _ in 0..<3 {
            try world.consume(World.views(100))
            try await world.export()
        }
        let ids = try await world.snapshots(.raw)
        try world.foreign(.raw, "roll_back", "\(ids[0])")
        try world.foreign(.raw, "expire_others")
        try world.consume(World.views(10))
        #expect(isSetBack(try await exportError(world)))
        #expect(try await world.metadata(.raw).currentSnapshotID == ids[0])
    }

    /// Changes of snapshots that others may make at any time.
    @Test(arguments: ["expire", "expire without parents", "append", "append and expire"])
    func housekeepingIsNoRollback(what: String) async throws {
        let world = try World()
        for _ in 0..<3 {
            try world.consume(World.views(100))
            try await world.export()
        }
        if what.contains("append") { try world.foreign(.counts, "append", #"[["X",1611619200,1]]"#) }
        if what.contains("expire") { try world.foreign(.counts, "expire_others", "\(what.contains("without"))") }
        try world.consume(World.views(100))
        #expect(try await startError(world) == nil)
        try await world.export()
        let others = what.contains("append") ? [["X", "1611619200", "1"]] : []
        #expect(try world.read() == world.counted() + others)
    }

    /// A store ignores conditions, and a stale copy of the state replaces the last commit.
    @Test func aCommitInPlaceOfOursIsFoundThoughItsEpochIsOurs() async throws {
        let world = try World()
        try world.consume(World.views(100))
        try await world.export()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: world.folder.file("state.db" + suffix), toPath: world.folder.file("copy.db" + suffix))
        }
        let (folder, kept) = (world.path(.counts) + "/metadata", world.folder.file("kept"))
        try FileManager.default.copyItem(atPath: folder, toPath: kept)
        try world.consume(World.views(100))
        try await world.export()
        try FileManager.default.removeItem(atPath: folder)
        try FileManager.default.copyItem(atPath: kept, toPath: folder)
        let copy = try World(folder: world.folder, state: "copy.db")
        try copy.consume(World.views(30))
        // The raw table is ahead of the copy, which the copy detects; its counts are exported.
        _ = try await exportError(copy)
        #expect(try await world.metadata(.counts).properties[Mark.epoch] == "2")
        try world.consume(World.views(100))
        let committed = try await world.snapshots()
        #expect(try await startError(world)?.isTableChanged == true)
        #expect(try await exportError(world)?.isTableChanged == true)
        #expect(try await world.snapshots() == committed)
    }

    @Test func aStoreThatIgnoresConditionsIsRefusedByName() async throws {
        let careless = CarelessStore()
        let error = await #expect(throws: CatalogError.self) { try await Self.catalog(careless).checkConditions() }
        #expect(error?.kind == .refused)
        #expect(error?.description.contains("If-None-Match") == true)
        #expect(try await careless.inner.list().collect().isEmpty)
        let store = MemoryStore()
        try await Self.catalog(store).checkConditions()
        #expect(try await store.list().collect().isEmpty)
    }

    private static func catalog(_ store: any ObjectStore) -> FileCatalog {
        let files = TableFiles { (location: String) throws(ObjectStorageError) in (store, location) }
        return FileCatalog(files: files, warehouse: "lake", nowMilliseconds: { 0 })
    }

    @Test func nothingIsExportedToAStoreThatIgnoresConditions() async throws {
        let world = try World(catalog: { InterposedCatalog($0, beneath: Self.catalog(CarelessStore())) })
        try world.consume(World.views(10))
        for error in [
            try await startError(world), try await exportError(world),
            await #expect(throws: TableError.self) {
                try await Exporter.checkUnbegun(world.settings, world.warehouse)
            },
        ] { #expect(error?.isUnsafe == true, "\(String(describing: error))") }
        #expect(!FileManager.default.fileExists(atPath: world.path(.counts)))
    }
}

@Suite struct LineageTests {
    private static func snapshot(_ id: Int64, commit: String?, to end: KafkaOffset = 0, generation: Generation = 0)
        -> Snapshot
    {
        var summary: [String: String] = ["total-records": "\(end)"]
        if let commit {
            summary[Mark.commitID] = commit
            summary[Mark.generation] = "\(generation)"
            summary[Mark.offsets] = "{\"0\":[0,\(end)]}"
        }
        return Snapshot(
            id: id, parentID: id > 1 ? id - 1 : nil, sequenceNumber: id, timestampMilliseconds: id,
            manifestList: "l", operation: .append, summary: summary, schemaID: 0)
    }

    private static func ledger(
        _ commit: String?, snapshot: Int64? = 2, to end: KafkaOffset = 20, open: String? = nil, rows: Int64? = nil
    ) -> LedgerPosition {
        var ledger = LedgerPosition()
        ledger.epoch = 2
        ledger.commitID = commit
        ledger.snapshotID = snapshot
        ledger.progress = ExportProgress(generation: Generation(clamping: end.rawValue / 10), offsets: [0: end])
        ledger.openCommitID = open
        ledger.rows = rows
        return ledger
    }

    @Test func theNewestOfOursInTheLineIsTheLedgersLast() {
        let one = Self.snapshot(1, commit: "a", to: 10, generation: 1)
        let two = Self.snapshot(2, commit: "b", to: 20, generation: 2)
        let three = Self.snapshot(3, commit: "c", to: 30, generation: 3)
        let other = Self.snapshot(4, commit: nil, to: 5)
        let rewrite = Self.snapshot(5, commit: "r", to: 20, generation: 2)
        let cases: [(line: [Snapshot], ledger: LedgerPosition, expected: Lineage)] = [
            ([two, one], Self.ledger("b"), .whole), ([other, two], Self.ledger("b"), .whole),
            ([other], Self.ledger("b"), .whole), ([other], Self.ledger("b", rows: 5), .whole),
            ([three, two], Self.ledger("b", open: "c"), .whole), ([], LedgerPosition(), .whole),
            ([one], Self.ledger("b"), .setBack(current: 1)), ([other, one], Self.ledger("b"), .setBack(current: 4)),
            ([], Self.ledger("b"), .setBack(current: nil)), ([other], Self.ledger("b", rows: 6), .setBack(current: 4)),
            // A rewrite of this state that was rolled back, and one that replaced it.
            ([two, one], Self.ledger("r", snapshot: 5), .setBack(current: 2)),
            ([rewrite, two], Self.ledger("b"), .replaced(by: 5)), ([rewrite], Self.ledger("b"), .setBack(current: 5)),
            ([three, two], Self.ledger("b"), .replaced(by: 3)),
            // States of an older version and restored states.
            ([two, one], Self.ledger(nil), .whole), ([other, two], Self.ledger(nil, snapshot: 4), .whole),
            ([one], Self.ledger(nil), .setBack(current: 1)), ([two], Self.ledger(nil, snapshot: 9), .whole),
            ([three, two], Self.ledger(nil), .replaced(by: 3)),
            ([Self.snapshot(1, commit: "a", to: 10, generation: 2)], Self.ledger(nil), .setBack(current: 1)),
        ]
        for (number, example) in cases.enumerated() {
            #expect(Lineage.decide(example.line, example.ledger) == example.expected, "case \(number)")
        }
    }
}

@Suite struct MovedRowTests {
    @Test func aCommitWhoseStagedRowsChangedIsRefused() async throws {
        let folder = try TemporaryFolder()
        let state = folder.file("state.db")
        let world = try World(
            folder: folder,
            failPoint: { point in
                // Rows are staged with the second commit; the first has none to replace.
                guard point == "counts.prepared" else { return }
                let sql =
                    "DELETE FROM staged WHERE (window_start, postcode) IN "
                    + "(SELECT window_start, postcode FROM exported LIMIT 1)"
                try? Connection(path: state, mode: .readWrite).execute(sql)
            })
        try world.consume(World.views(100))
        try await world.export()
        try world.consume(World.views(100))
        let error = try await exportError(world)
        guard case .otherRowsStaged(_, let staged, let prepared) = error else {
            Issue.record("the export ended with \(String(describing: error))")
            return
        }
        #expect(staged == prepared - 1)
        #expect(try await world.snapshots().count == 1)
    }

    private static func isMoved(_ error: TableError?) -> Bool {
        if case .rowsMoved = error { return error?.description.contains("pageviews restore") == true }
        return false
    }

    @Test(arguments: [2, 3], [false, true])
    func aRowThatAnotherWriterMovedStopsTheExport(formatVersion: Int, exportsBetween: Bool) async throws {
        let world = try World(formatVersion: formatVersion)
        for _ in 0..<2 {
            try world.consume(World.views(100))
            try await world.export()
        }
        let before = try await world.snapshots().last ?? 0
        try await world.moveRows(of: "E3")
        #expect(try world.read("duckdb") == world.counted(), "nothing but places has changed")
        if exportsBetween {
            // A commit that does not touch the moved rows continues.
            try world.consume([View(postcode: "E4", minute: 0)])
            #expect(try await startError(world) == nil)
            try await world.export()
            #expect(try world.read("duckdb") == world.counted())
        }
        try world.consume([View(postcode: "E3", minute: 0)])
        let committed = try await world.snapshots().count
        #expect(Self.isMoved(try await startError(world)))
        #expect(Self.isMoved(try await exportError(world)))
        #expect(try await world.snapshots().count == committed)
        // The remedies: roll the change back, or restore the state.
        if exportsBetween {
            let summary = try await world.restore(to: "again.db")
            #expect(summary.proof.isEqual)
            let again = try World(formatVersion: formatVersion, folder: world.folder, state: "again.db")
            try again.consume([View(postcode: "E3", minute: 0)])
            try await again.export()
            #expect(try again.read("duckdb") == again.counted())
        } else {
            try world.foreign(.counts, "roll_back", "\(before)")
            #expect(try await startError(world) == nil)
            try await world.export()
            #expect(try world.read("duckdb") == world.counted())
        }
    }

    @Test func rowsThatAnotherWriterDeletedByRewritingTheirFileStopTheExport() async throws {
        let world = try World()
        try world.consume(World.views(100))
        try await world.export()
        try world.foreign(.counts, "delete", "\"postcode = 'E3'\"")
        try world.consume([View(postcode: "E3", minute: 0)])
        guard case .rewritten = try await startError(world), case .rewritten = try await exportError(world) else {
            Issue.record("the file that is gone was not missed")
            return
        }
    }
}
