// Segments with lost files: the segments that are dropped, and the offsets from which they are re-read.

import Base
import Foundation
import StateFixtures
import TestSupport
import Testing
import Windowing

@testable import State

@Suite struct LostSegmentTests {
    private func store(_ folder: TemporaryFolder) throws -> Store {
        let store = try openStore(folder.file("state.db"))
        for number in Int64(0)..<3 {
            var flush = flush([])
            let spans = [
                PartitionID(clamping: number): OffsetSpan(from: 0, to: 5),
                7: OffsetSpan(
                    from: KafkaOffset(rawValue: number * 10), to: KafkaOffset(rawValue: number * 10 + 10)),
            ]
            let file = Segment.File(name: "raw-\(number).parquet", bytes: 1, day: 0, metrics: nil)
            flush.segments = [Segment(name: "\(number)", rows: 1, offsets: spans, parquet: [file], json: nil)]
            try store.write(flush, now: 0)
        }
        return store
    }

    @Test func `the lost one and those after it go, each partition back to where the first of them began`() throws {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        let dropped = try #require(try store.dropSegments(from: "1"))
        #expect(dropped.files == ["raw-1.parquet", "raw-2.parquet"])
        #expect(dropped.starts == [1: 0, 2: 0, 7: 10])
        #expect(try store.segments().map(\.name) == ["0"])
        #expect(try store.rawOffsets() == [0: 5, 1: 0, 2: 0, 7: 10])
    }

    @Test func `one that was exported meanwhile begins nothing again`() throws {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        let intent = Intent(
            commitID: "c", table: .raw, tableName: "t", generation: 3, offsets: [7: OffsetSpan(from: 0, to: 30)],
            rowsAdded: 3, rowsDeleted: 0, epoch: 1, work: .segments(["0", "1", "2"], CommitFiles()))
        #expect(try store.prepare(intent))
        #expect(try store.dropSegments(from: "1") == nil)
        try store.settle(intent, snapshotID: 1, now: 0)
        let dropped = try #require(try store.dropSegments(from: "1"))
        #expect(dropped.files.isEmpty && dropped.starts.isEmpty)
        #expect(try store.rawOffsets()[7] == 30)
    }

    @Test func `a commit of segments that were dropped is not recorded`() throws {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        _ = try store.dropSegments(from: "2")
        let intent = Intent(
            commitID: "c", table: .raw, tableName: "t", generation: 3, offsets: [:], rowsAdded: 3, rowsDeleted: 0,
            epoch: 1, work: .segments(["1", "2"], CommitFiles()))
        #expect(try !store.prepare(intent))
        #expect(try store.intent(of: .raw) == nil)
    }
}
