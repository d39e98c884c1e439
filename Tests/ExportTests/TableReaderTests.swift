// Tests of reading live rows: deletes are applied, positions are kept, damaged files are named.

import Export
import Foundation
import Iceberg
import ObjectStorage
import Parquet
import TestSupport
import Testing

import Base
@testable import State
@testable import TableScan
@testable import Tables

/// Data files and deletes in a folder.
private struct Lake {
    let folder: TemporaryFolder
    let files: TableFiles

    init() throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        let store = LocalStore(root: folder.path)
        files = TableFiles { (location: String) throws(ObjectStorageError) in (store, location) }
    }

    static func metadata(_ formatVersion: Int) throws -> TableMetadata {
        try TableMetadata(
            formatVersion: formatVersion, uuid: "u", location: "t", schema: ExportTable.counts.icebergSchema,
            spec: ExportTable.counts.partitionSpec, properties: [:], nowMilliseconds: 0)
    }

    func reader(_ formatVersion: Int = 2) throws -> TableReader {
        TableReader(
            TableIO(files: files), try Self.metadata(formatVersion),
            spoolFolder: folder.file("spool"), uniqueName: { UUID().uuidString })
    }

    /// Counts 0, 1, 2 ... in row groups of `groupRows`, ten rows per minute.
    func counts(_ name: String, rows: Int, groupRows: Int = 100) throws -> DataFile {
        var options = WriterOptions()
        options.rowGroupRows = groupRows
        let file = try SpoolFile(path: folder.file(name))
        let writer = try ParquetWriter(schema: ExportTable.counts.parquetSchema, options: options) {
            try file.write($0)
        }
        let (postcodes, timestamps, counts) = (try writer.bytes(0), try writer.int64(1), try writer.int64(2))
        for row in 0..<rows {
            postcodes.append("P\(row % 10)")
            timestamps.append(Int64(row / 10) * 60_000_000)
            counts.append(Int64(row))
            try writer.endRow()
        }
        let facts = ParquetMetrics(try writer.finish())
        try file.finish()
        return facts.dataFile(location: name, specID: 0, partition: [.int(0)])
    }

    func deletes(_ name: String, _ rows: [PositionDelete]) throws -> DataFile {
        let (file, bytes) = try PositionDelete.shared(rows, location: name, partition: [.int(0)])
        try Data(bytes).write(to: URL(filePath: folder.file(name)))
        return file
    }
}

@Suite struct TableReaderTests {
    private func live(
        _ lake: Lake, _ task: ScanTask, times: ClosedRange<Int64>? = nil
    ) async throws -> [Int64] {
        let file = try await lake.reader().open(task, as: CountsBatch.self, times: times)
        var found: [Int64] = []
        while let batch = try file.next() {
            for row in batch.rows {
                // The count is the row's number, so each row shows whether its position is correct.
                #expect(batch.counts[row] == batch.position(row))
                #expect(batch.windowStart(row).seconds == batch.position(row) / 10 * 60)
                #expect(batch.postcodes.string(row) == "P\(batch.position(row) % 10)")
                found.append(batch.position(row))
            }
        }
        return found
    }

    private func task(_ file: DataFile, _ deletes: [DataFile] = [], vector: DataFile? = nil) -> ScanTask {
        ScanTask(file: file, sequenceNumber: 1, positionDeletes: deletes, deletionVector: vector)
    }

    @Test func rowsComeWithTheirPositionsOverAllRowGroups() async throws {
        let lake = try Lake()
        let file = try lake.counts("a.parquet", rows: 250)
        #expect(try await live(lake, task(file)) == Array(0..<250))
    }

    @Test func aCancelledTaskReadsNoFurtherRowGroup() async throws {
        try await Task {
            let lake = try Lake()
            let file = try lake.counts("a.parquet", rows: 250)
            let reader = try await lake.reader().open(task(file), as: CountsBatch.self)
            #expect(try reader.next()?.rows.count == 100)
            withUnsafeCurrentTask { $0?.cancel() }
            #expect(throws: CancellationError.self) { try reader.next() }
        }.value
    }

    @Test func positionDeletesOfSeveralFilesAreAppliedEachToItsOwn() async throws {
        let lake = try Lake()
        let (a, b) = (try lake.counts("a.parquet", rows: 250), try lake.counts("b.parquet", rows: 30))
        let first = try lake.deletes(
            "x.parquet",
            [
                PositionDelete(path: "b.parquet", position: 3), PositionDelete(path: "a.parquet", position: 249),
                PositionDelete(path: "a.parquet", position: 0),
            ])
        let whole = try lake.deletes("y.parquet", (100..<200).map { PositionDelete(path: "a.parquet", position: $0) })
        #expect(try await live(lake, task(a, [first, whole])) == Array(1..<100) + Array(200..<249))
        #expect(try await live(lake, task(b, [first])) == [0, 1, 2] + Array(4..<30))
        #expect(try await lake.reader().deletes.dataFiles(in: first) == ["a.parquet", "b.parquet"])
        #expect(try await lake.reader().deletes.dataFiles(in: whole) == ["a.parquet"])
    }

    @Test func deleteFilesThatAreNotKeptInMemorySayTheSame() async throws {
        let lake = try Lake()
        let deletes = try lake.deletes(
            "x.parquet", (0..<50).map { PositionDelete(path: $0 < 25 ? "a" : "b", position: $0) })
        let fetcher = FileFetcher(files: lake.files, folder: lake.folder.path, uniqueName: { UUID().uuidString })
        for cached in [Int64(0), 1 << 20] {
            let reader = DeleteReader(fetcher, cachedPositions: cached)
            let file = DataFile(
                content: .data, path: "b", specID: 0, partition: [.int(0)], recordCount: 50, fileSizeBytes: 1)
            #expect(try await reader.deleted(task(file, [deletes])) == Array(25..<50))
            #expect(try await reader.dataFiles(in: deletes) == ["a", "b"])
        }
    }

    @Test func aDeletionVectorIsApplied() async throws {
        let lake = try Lake()
        let file = try lake.counts("a.parquet", rows: 250)
        var puffin = PuffinWriter()
        let blob = puffin.append(DeletionVector([5, 100, 101, 249]), of: file.path)
        let bytes = try puffin.finish(createdBy: "test")
        try await lake.files.write("v.puffin", bytes)
        let vector = DataFile.deletionVector(
            path: "v.puffin", fileSizeBytes: Int64(bytes.count), blob: blob, cardinality: 4, of: file)
        let expected = (0..<250).filter { ![5, 100, 101, 249].contains($0) }.map { Int64($0) }
        #expect(try await live(lake, task(file, vector: vector)) == expected)
    }

    @Test func onlyRowsOfTheWantedTimesComeAndOtherRowGroupsAreNotRead() async throws {
        let lake = try Lake()
        let file = try lake.counts("a.parquet", rows: 250)
        let deletes = try lake.deletes("x.parquet", [PositionDelete(path: "a.parquet", position: 125)])
        let times: ClosedRange<Int64> = 11 * 60_000_000...12 * 60_000_000
        let expected = Array(Int64(110)..<125) + Array(126..<130)
        #expect(try await live(lake, task(file, [deletes]), times: times) == expected)
        // The first row group is damaged, and the reader skips it.
        let path = lake.folder.file("a.parquet")
        var bytes = try Data(contentsOf: URL(filePath: path))
        for index in 4..<60 { bytes[index] = 0xFF }
        try bytes.write(to: URL(filePath: path))
        #expect(try await live(lake, task(file, [deletes]), times: times) == expected)
        await #expect(throws: TableReadError.self) { try await live(lake, task(file)) }
    }

    @Test func aDeleteFileOfAnotherLengthThanItsEntrySaysIsRefused() async throws {
        let lake = try Lake()
        let file = try lake.counts("a.parquet", rows: 20)
        var deletes = try lake.deletes("d.parquet", [PositionDelete(path: "a.parquet", position: 3)])
        deletes.recordCount = 0
        await #expect(throws: TableReadError(file: "d.parquet", reason: "it has 1 rows, its manifest says 0")) {
            try await live(lake, task(file, [deletes]))
        }
    }

    @Test func whatIsWrongIsSaidWithTheFileAndThePlace() async throws {
        let lake = try Lake()
        var file = try lake.counts("a.parquet", rows: 20)
        file.recordCount = 21
        await #expect(throws: TableReadError(file: "a.parquet", reason: "it has 20 rows, its manifest says 21")) {
            try await live(lake, task(file))
        }
        let path = lake.folder.file("b.parquet")
        _ = try lake.counts("b.parquet", rows: 20)
        let bytes = try Data(contentsOf: URL(filePath: path))
        try bytes.prefix(bytes.count / 2).write(to: URL(filePath: path))
        file.path = "b.parquet"
        do {
            _ = try await live(lake, task(file))
            Issue.record("half a file was read")
        } catch let error as TableReadError {
            #expect(error.description.contains("b.parquet") && error.description.contains("at byte"))
        }
    }

    @Test func selectionsLeaveOutWhatIsDeleted() {
        #expect(Array(RowSelection(count: 5, first: 10, without: [])) == [0, 1, 2, 3, 4])
        #expect(Array(RowSelection(count: 5, first: 10, without: [10, 12, 14])) == [1, 3])
        #expect(Array(RowSelection(count: 2, first: 0, without: [0, 1])) == [])
        let rows = RowSelection(all: 4).within(2...3, [1, 2, 3, 4])
        #expect(Array(rows) == [1, 2] && rows.count == 2)
    }
}
