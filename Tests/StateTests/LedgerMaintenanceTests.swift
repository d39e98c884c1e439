// Rows of the ledger that move because a rewrite replaces their files.

import Base
import Foundation
import SQLite
import TestSupport
import Testing
import Windowing

@testable import State

@Suite struct LedgerMaintenanceTests {
    private static func intent(_ id: String, replacing: [String]? = nil, epoch: Int64) -> Intent {
        var rewritten = RewrittenFiles()
        rewritten.replaced = replacing ?? []
        return Intent(
            commitID: id, table: .counts, tableName: "t", generation: 1, offsets: [:], rowsAdded: 0, rowsDeleted: 0,
            epoch: epoch, work: replacing == nil ? .counts(CommitFiles()) : .rewrite(CommitFiles(), rewritten))
    }

    /// A ledger of `rows` exported rows, half of them in each of two files.
    private static func store(_ folder: TemporaryFolder, rows: Int) throws -> (Store, old: [Int64]) {
        let store = try Store(path: folder.file("s.db"), settings: try WindowSettings(), holder: "test")
        let files = [try store.fileID(ofPath: "a"), try store.fileID(ofPath: "b")]
        try store.stage(
            (0..<rows).map {
                RowLocation(
                    windowStart: WindowStart(seconds: Int64($0 / 3) * 60), postcode: "P\($0 % 3)",
                    fileID: files[$0 % 2], position: Int64($0),
                    count: 1)
            })
        let first = intent("first", epoch: 1)
        try store.prepare(first)
        try store.settle(first, snapshotID: 1, now: 1)
        return (store, files)
    }

    private static func places(_ store: Store) throws -> [String] {
        let rows = try store.connection.prepare(
            """
            SELECT window_start || postcode || ' ' || path || ' ' || position FROM exported JOIN data_file ON id = file_id
            ORDER BY window_start, postcode
            """)
        var found: [String] = []
        while try rows.step() { found.append(rows.string(0)) }
        return found
    }

    @Test func rowsMoveInStepsAndDoingItTwiceChangesNothing() throws {
        let folder = try TemporaryFolder()
        let (store, old) = try Self.store(folder, rows: 100)
        let target = try store.fileID(ofPath: "c")
        try store.stage(
            (0..<100).map {
                RowLocation(
                    windowStart: WindowStart(seconds: Int64($0 / 3) * 60), postcode: "P\($0 % 3)", fileID: target,
                    position: Int64(1000 + $0),
                    count: 1)
            })
        let rewrite = Self.intent("rewrite", replacing: ["a", "b"], epoch: 2)
        try store.prepare(rewrite)
        // One row is evicted meanwhile.
        try store.connection.execute("DELETE FROM exported WHERE window_start = 0 AND postcode = 'P0'")
        for _ in 0..<2 {
            var last: RowKey?
            var steps = 0
            while let next = try store.moveExported(after: last, limit: 7) {
                last = next
                steps += 1
            }
            #expect(steps == 15)
        }
        try store.settle(rewrite, snapshotID: 2, now: 2)
        let expected = (1..<100).map { "\($0 / 3 * 60)P\($0 % 3) c \(1000 + $0)" }
        #expect(try Self.places(store).sorted() == expected.sorted())
        #expect(try store.fileCount() == 1)
        #expect(try store.fileID(ofPath: "a") > old[1], "a number is never given twice")
        #expect(try store.connection.integer("SELECT count(*) FROM staged") == 0)
        #expect(try store.exportProgress(of: .counts).generation == 1)
    }

    @Test func filesInWhichNoRowLiesAreFound() throws {
        let folder = try TemporaryFolder()
        let (store, old) = try Self.store(folder, rows: 10)
        let (dead, staged) = (try store.fileID(ofPath: "dead"), try store.fileID(ofPath: "staged"))
        try store.stage([
            RowLocation(windowStart: WindowStart(seconds: 0), postcode: "Q", fileID: staged, position: 0, count: 1)
        ])
        #expect(try store.deadFiles() == [dead])
        try store.forgetFiles(ids: [dead])
        #expect(try store.fileCount() == Int64(old.count + 1))
    }

    @Test func theLastSettledCommitIsOfTheTableAndCommitted() throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Self.store(folder, rows: 1)
        #expect(try store.lastSettled("t") == 1)
        #expect(try store.lastSettled("other") == nil)
        let given = Self.intent("given-up", replacing: [], epoch: 2)
        try store.prepare(given)
        try store.abandon(given, now: 9)
        #expect(try store.lastSettled("t") == 1)
    }
}
