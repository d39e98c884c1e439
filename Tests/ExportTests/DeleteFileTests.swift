// Tests of the delete files of the counts table: each names one data file, a data file has one, and the deletes of
// earlier versions and other engines stay in effect.

import Base
import Foundation
import Iceberg
import Parquet
import Recovery
import SQLite
import TestSupport
import Testing

@testable import Export
@testable import State
@testable import TableScan
@testable import Tables

extension World {
    func io() async throws -> (io: TableIO, metadata: TableMetadata) {
        let metadata = try await metadata(.counts)
        return (TableIO(files: try warehouse.files(LoadedTable(metadata: metadata, metadataLocation: nil))), metadata)
    }

    /// The live data files with their deletes.
    func live() async throws -> [ScanTask] {
        let (io, metadata) = try await io()
        return try await io.scan(metadata.currentSnapshot, of: metadata)
    }

    /// Replaces the delete files of each partition by a single one for all of its data files, as earlier versions and
    /// other engines write them.
    /// - Returns: the locations of the new files.
    @discardableResult
    func shareDeletes() async throws -> [String] {
        let (io, metadata) = try await io()
        let fetcher = FileFetcher(files: io.files, folder: folder.file("share"), uniqueName: { UUID().uuidString })
        var change = ChangeSet()
        var rows: [Literal?: [(task: ScanTask, rows: [PositionDelete])]] = [:]
        for task in try await live() where !task.positionDeletes.isEmpty {
            let positions = try await DeleteReader(fetcher).deleted(task)
            let deletes = positions.map { PositionDelete(path: task.file.path, position: Int64($0)) }
            rows[task.file.partition.first ?? nil, default: []].append((task, deletes))
            change.removedDeleteFiles.formUnion(task.positionDeletes.map(\.key))
        }
        for group in rows.values {
            let first = try #require(group.first?.task.file)
            let location = "\(metadata.dataFolder)/shared-\(UUID().uuidString).parquet"
            let (file, bytes) = try PositionDelete.shared(
                group.flatMap(\.rows), location: location, specID: first.specID, partition: first.partition)
            try await io.files.write(location, bytes)
            change.addedDeleteFiles.append(file)
        }
        try await commit(change, metadata, io)
        return change.addedDeleteFiles.map(\.path)
    }

    /// Changes the stored open commit of the counts table.
    func editIntent(_ edit: (inout CommitFiles) -> Void) throws {
        var intent = try #require(try store.with { try $0.intent(of: .counts) })
        guard case .counts(var files) = intent.work else { throw CancellationError() }
        edit(&files)
        intent.work = .counts(files)
        let text = String(decoding: try JSONEncoder().encode(intent), as: UTF8.self)
        try store.with { try $0.connection.run("UPDATE intent SET facts = ?1 WHERE table_kind = 'counts'", text) }
    }

    func exists(_ location: String) -> Bool {
        FileManager.default.fileExists(atPath: location.replacingOccurrences(of: "file://", with: ""))
    }
}

@Suite struct DeleteFileTests {
    /// Consumes and exports views; every later export changes only some rows, so data files keep live rows.
    private static func export(_ world: World, _ views: [Int] = [200, 100, 40, 80, 20]) async throws {
        for count in views {
            try world.consume(World.views(count, days: 2))
            try await world.export()
        }
    }

    private static func bounds(_ file: DataFile) -> [[UInt8]?] {
        [
            file.metrics.lowerBounds[ReservedField.deletePath.id],
            file.metrics.upperBounds[ReservedField.deletePath.id],
        ]
    }

    @Test func aDeleteFileNamesOneDataFileAndADataFileHasOne() async throws {
        let world = try World()
        try await Self.export(world)
        let (io, metadata) = try await world.io()
        let live = try await world.live()
        #expect(live.count > 4)
        let deletes = live.flatMap(\.positionDeletes)
        #expect(deletes.count > 2)
        #expect(live.allSatisfy { $0.positionDeletes.count <= 1 }, "a data file has several delete files")
        for task in live {
            for file in task.positionDeletes {
                let path = task.file.path
                #expect(file.referencedDataFile == path)
                #expect(Self.bounds(file) == [Array(path.utf8), Array(path.utf8)], "bounds are whole and equal")
                #expect(file.specID == task.file.specID && file.partition == task.file.partition)
                let reader = try ParquetReader(MemorySource(try await io.files.read(file.path)))
                #expect(Int64(reader.rowCount) == file.recordCount)
                let columns = RowGroupColumns(
                    reader: reader, group: 0, firstPosition: 0, file: file.path, expected: PositionDelete.schema)
                let paths = try columns.bytes(Int32(ReservedField.deletePath.id)).values
                #expect((0..<paths.count).allSatisfy { paths.bytes($0) == Array(path.utf8) })
                let positions = try columns.int64(Int32(ReservedField.deletePosition.id)).values
                #expect(zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }, "sorted, each once")
            }
        }
        // All that the current snapshot lists: none applies to nothing.
        let listed = try await io.entries(of: try await io.manifests(of: metadata.currentSnapshot), in: metadata)
            .values.joined().filter { $0.isLive && $0.file.content == .positionDeletes }
        #expect(Set(listed.map(\.file.path)) == Set(deletes.map(\.path)))
        let summary = try #require(metadata.currentSnapshot?.summary)
        #expect(summary["total-delete-files"] == "\(deletes.count)")
        #expect(summary["total-position-deletes"] == "\(deletes.reduce(0) { $0 + $1.recordCount })")
        #expect(try world.read() == world.counted())
        #expect(try world.read("duckdb") == world.counted())
        #expect(try await world.proof().isEqual)
    }

    /// The number of delete files does not grow with the number of commits.
    @Test(arguments: [2, 3]) func commitsThatChangeTheSameRowsDoNotAddDeleteFiles(formatVersion: Int) async throws {
        let world = try World(formatVersion: formatVersion)
        try world.consume(World.views(300))
        try await world.export()
        for commit in 1...12 {
            try world.consume([View(postcode: "E\(commit % 10)", minute: Int64(commit % 30))])
            try await world.export()
            let live = try await world.live()
            let deletes = live.filter { !$0.positionDeletes.isEmpty || $0.deletionVector != nil }
            #expect(deletes.count <= commit && live.allSatisfy { $0.positionDeletes.count <= 1 }, "commit \(commit)")
            #expect(
                try await world.metadata(.counts).currentSnapshot?.summary["total-delete-files"] == "\(deletes.count)")
        }
        #expect(try world.read("duckdb") == world.counted())
        #expect(try await world.proof().isEqual)
    }

    @Test func deleteFilesOfSeveralDataFilesStayInEffect() async throws {
        let world = try World()
        try await Self.export(world)
        let shared = try await world.shareDeletes()
        #expect(shared.count == 2, "one for each day")
        #expect(try await world.live().contains { $0.positionDeletes.contains { $0.singleReferencedPath == nil } })
        #expect(try world.read("duckdb") == world.counted())
        for views in [20, 200, 10] {
            try world.consume(World.views(views, days: 2))
            try await world.export()
            #expect(try world.read() == world.counted(), "after \(views)")
            #expect(try world.read("duckdb") == world.counted(), "after \(views)")
            let live = try await world.live()
            #expect(
                live.allSatisfy { $0.positionDeletes.count { $0.singleReferencedPath != nil } <= 1 },
                "a data file has several delete files of its own")
            #expect(shared.allSatisfy { path in live.contains { $0.positionDeletes.contains { $0.path == path } } })
        }
        #expect(try await world.proof().isEqual)
        #expect(try await world.restore(to: "again.db").proof.isEqual)
        // Merging the files of a day removes its shared delete file.
        try await world.exporter.maintain(dryRun: false, mayGoOn: { true }, report: { _ in })
        #expect(try await world.live().allSatisfy { $0.positionDeletes.isEmpty })
        #expect(try world.read() == world.counted(), "after maintenance")
        #expect(try await world.proof().isEqual)
    }

    /// Some engines answer a count of rows from the summary alone.
    @Test func theSummaryCountsEachDeletedRowOnce() async throws {
        let world = try World()
        try await Self.export(world)
        for isShared in [false, true] {
            if isShared { try await world.shareDeletes() }
            try world.consume(World.views(10, days: 2))
            try await world.export()
            let summary = try #require(try await world.metadata(.counts).currentSnapshot?.summary)
            let (records, deletes) = (summary["total-records"], summary["total-position-deletes"])
            let live = try #require(records.flatMap { Int($0) }) - #require(deletes.flatMap { Int($0) })
            #expect(live == (try world.counted().count), "shared: \(isShared)")
        }
    }

    /// A file of another engine for one data file is replaced too, and its rows stay deleted.
    @Test func aDeleteFileOfAnotherEngineForOneDataFileIsMerged() async throws {
        let world = try World()
        try world.consume(World.views(100))
        try await world.export()
        try await world.moveRows(of: "E3")
        let foreign = try await world.live().flatMap(\.positionDeletes)
        #expect(foreign.count == 1)
        try world.consume([View(postcode: "E4", minute: 0)])
        try await world.export()
        let deletes = try await world.live().flatMap(\.positionDeletes)
        #expect(deletes.count == 1 && deletes != foreign && (deletes[0].recordCount) == foreign[0].recordCount + 1)
        #expect(try world.read("duckdb") == world.counted())
    }

    // MARK: Commits that an earlier version prepared

    /// The delete file that an earlier version prepared for an open commit.
    private static func prepared(_ world: World) throws -> ParquetUpload {
        let name = "deletes-of-an-earlier-version.parquet"
        let location = "file://\(world.path(.counts))/data/\(name)"
        let (bytes, metrics) = try PositionDelete.file([0], of: "file://of/several")
        try Data(bytes).write(to: URL(filePath: "\(world.settings.spoolFolder)/\(name)"))
        return ParquetUpload(name: name, location: location, day: 18_653, metrics: metrics)
    }

    /// The earlier version ended before or after it uploaded the delete file.
    @Test(arguments: [false, true]) func anIntentOfAnEarlierVersionIsFinished(isUploaded: Bool) async throws {
        let answering = Interposer()
        let world = try World(catalog: { answering.make($0) })
        try await Self.export(world, [200, 100])
        try world.consume(World.views(60, days: 2))
        answering.failNextCounts(world.settings.tables.countsTable)
        await #expect(throws: CatalogError.self) { try await world.export() }
        let upload = try Self.prepared(world)
        let local = "\(world.settings.spoolFolder)/\(upload.name)"
        if isUploaded {
            try FileManager.default.copyItem(atPath: local, toPath: world.path(.counts) + "/data/" + upload.name)
        }
        try world.editIntent { $0.deletes = [upload] }
        try await world.export()
        #expect(try world.store.with { try $0.intent(of: .counts) } == nil)
        #expect(try world.read("duckdb") == world.counted())
        #expect(try await world.proof().isEqual)
        #expect(!FileManager.default.fileExists(atPath: local), "the spool keeps its file")
        #expect(try await world.live().allSatisfy { $0.positionDeletes.allSatisfy { $0.path != upload.location } })
        #expect(world.exists(upload.location) == isUploaded)
        // The next maintenance after a further commit removes what no commit uses.
        try world.consume(World.views(10, days: 2))
        try await world.export()
        try await world.exporter.maintain(dryRun: false, mayGoOn: { true }, report: { _ in })
        #expect(!world.exists(upload.location))
    }

    /// The earlier version's commit was applied, and its answer was lost. Its delete files are part of the table.
    @Test func deleteFilesOfAnAppliedIntentOfAnEarlierVersionStay() async throws {
        let answering = Interposer()
        let world = try World(catalog: { answering.make($0) })
        try await Self.export(world, [200, 100])
        try world.consume(World.views(60, days: 2))
        answering.loseNextCounts(world.settings.tables.countsTable)
        await #expect(throws: CatalogError.self) { try await world.export() }
        answering.comeBack()
        let deletes = try await world.live().flatMap(\.positionDeletes)
        #expect(!deletes.isEmpty)
        let (_, metrics) = try PositionDelete.file([0], of: "file://of/several")
        try world.editIntent { files in
            files.deletes = deletes.map {
                ParquetUpload(name: "gone-\($0.recordCount)", location: $0.path, day: 18_653, metrics: metrics)
            }
        }
        try await world.export()
        #expect(try world.store.with { try $0.intent(of: .counts) } == nil)
        try world.consume([View(postcode: "E0", minute: 3000)])
        try await world.export()
        // Only what the table does not reference is removed.
        try await world.exporter.maintain(dryRun: false, mayGoOn: { true }, report: { _ in })
        #expect(try world.read("duckdb") == world.counted())
        #expect(try await world.proof().isEqual)
    }

    // MARK: Tries

    /// The files of a refused try are removed, and the next try writes its own.
    @Test(arguments: [2, 3]) func aRefusedTryLeavesNoDeleteFiles(formatVersion: Int) async throws {
        let answering = Interposer()
        let world = try World(formatVersion: formatVersion, catalog: { answering.make($0) })
        try await Self.export(world, [200, 100])
        try world.consume(World.views(60, days: 2))
        answering.refuseNextCounts(world.settings.tables.countsTable)
        try await world.export()
        #expect(try world.read("duckdb") == world.counted())
        let (io, metadata) = try await world.io()
        var referenced: Set<String> = []
        for snapshot in metadata.snapshots {
            for entries in try await io.entries(of: try await io.manifests(of: snapshot), in: metadata).values {
                referenced.formUnion(entries.map(\.file.path))
            }
        }
        let folder = URL(filePath: world.path(.counts) + "/data")
        let found = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
            .compactMap { ($0 as? URL)?.path }.filter { $0.hasSuffix(".parquet") || $0.hasSuffix(".puffin") }
        #expect(Set(found.map { "file://\($0)" }) == referenced)
        #expect(try world.store.with { try $0.orphans(of: .counts, before: .max) } == [])
    }

    /// A catalog whose next commit of the counts table gets another answer.
    private final class Interposer: @unchecked Sendable {
        private var catalog: InterposedCatalog?

        func make(_ inner: any Catalog) -> any Catalog {
            let made = InterposedCatalog(inner)
            catalog = made
            return made
        }

        func failNextCounts(_ name: String) {
            next(name) { _, _, _, _ in .failed(CatalogError(.unavailable, "away")) }
        }

        func refuseNextCounts(_ name: String) { next(name) { _, _, _, _ in .conflict("another writer was first") } }

        /// Applies the commit, and is away from then on.
        func loseNextCounts(_ name: String) {
            next(name) { [self] inner, table, requirements, updates in
                _ = await inner.commit(table, requirements: requirements, updates: updates)
                catalog?.away(true)
                return .unknown("lost")
            }
        }

        func comeBack() { catalog?.away(false) }

        private func next(_ name: String, _ answer: @escaping InterposedCatalog.Commit) {
            catalog?.next { [self] inner, table, requirements, updates in
                guard table.name == name else {
                    next(name, answer)
                    return nil
                }
                return await answer(inner, table, requirements, updates)
            }
        }
    }
}
