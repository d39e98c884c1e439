// A flush is atomic and complete: everything in it, or nothing.

import Base
import StateFixtures
import TestSupport
import Testing
import Windowing

@testable import SQLite
@testable import State

@Suite("Flush")
struct FlushTests {
    @Test(
        "a statement that fails in the middle leaves nothing of its flush, and the same flush succeeds afterwards",
        arguments: ["counts", "windows", "late", "rejected", "incident", "partition_progress", "progress"])
    func allOrNothing(table: String) throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        try store.write(fullFlush(0), now: base)
        let before = try store.connection.everything()
        let operation = table == "progress" ? "UPDATE" : "INSERT"
        // The last count of the flush fails after others were written.
        let condition = table == "counts" ? "WHEN NEW.postcode = 'N1'" : ""
        try store.connection.execute(
            """
            CREATE TRIGGER fault BEFORE \(operation) ON \(table) \(condition)
            BEGIN SELECT RAISE(ABORT, 'no room'); END
            """)
        let again = fullFlush(10)
        for _ in 0..<3 {
            let error = #expect(throws: SQLiteError.self) { try store.write(again, now: base + 1) }
            #expect(error?.message == "no room")
            #expect(!store.connection.isInTransaction)
            #expect(store.generation == 1)
            #expect(try store.connection.everything() == before)
        }
        try store.connection.execute("DROP TRIGGER fault")
        try store.write(again, now: base + 2)
        #expect(store.generation == 2)
        #expect(
            try store.connection.rows("SELECT postcode, count, generation FROM counts ORDER BY 1")
                == [[.text("E1"), .integer(4), .integer(2)], [.text("N1"), .integer(2), .integer(2)]])
        #expect(try store.connection.integer("SELECT count(*) FROM late") == 2)
        #expect(try store.connection.integer("SELECT count(*) FROM rejected") == 2)
        #expect(try store.connection.integer("SELECT next_offset FROM partition_progress") == 15)
    }

    @Test("a flush that finds the file locked writes nothing and can be tried again")
    func busy() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        try store.connection.setBusyTimeout(milliseconds: 1)
        let other = try Connection(path: store.path, mode: .readWrite)
        try other.execute("BEGIN IMMEDIATE")
        let error = #expect(throws: SQLiteError.self) { try store.write(fullFlush(0), now: base) }
        #expect(error?.isBusy == true)
        try other.execute("ROLLBACK")
        try store.write(fullFlush(0), now: base)
        #expect(store.generation == 1)
    }

    @Test("counts after many flushes and reopenings are the sums, every one a whole value in its row")
    func sums() throws {
        let seed = testSeed(for: "sums of flushes")
        var random = SeededRandom(seed: seed)
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        var store: Store? = try openStore(path)
        var expected: [Int64: [String: Int64]] = [:]
        for round in 1...60 {
            var deltas: [(Int64, String, Int64)] = []
            for _ in 0..<random.below(200) {
                let window = base + Int64(random.below(20)) * 60_000
                let postcode = ["SW", "E", "é", "\u{1F600}", "a'b", "%", "E1 "][random.below(7)] + "\(random.below(9))"
                deltas.append((window, postcode, Int64(1 + random.below(5))))
                expected[window, default: [:]][postcode, default: 0] += deltas.last?.2 ?? 0
            }
            try store?.write(flush(deltas), now: base)
            if random.oneIn(10) {
                // The lock is released with the object.
                store = nil
                store = try openStore(path)
            }
            #expect(store?.generation.rawValue == Int64(round), "seed \(seed)")
        }
        let connection = try #require(store?.connection)
        let rows = try connection.rows("SELECT window_start, postcode, count FROM counts ORDER BY 1, 2")
        var wanted: [[Value]] = []
        for (window, counts) in expected.sorted(by: { $0.key < $1.key }) {
            for (postcode, count) in counts.sorted(by: {
                Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8))
            }) {
                wanted.append([.integer(window / 1000), .text(postcode), .integer(count)])
            }
        }
        #expect(rows == wanted, "seed \(seed)")
        #expect(try connection.integer("SELECT count(*) FROM windows") == Int64(expected.count), "seed \(seed)")
    }

    @Test("progress comes back as it was written")
    func progressComesBack() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        var written = flush([(base + 120_000, "E1", 1), (base, "E1", 1)])
        written.partitions = PartitionID.all(count: 3).map { number in
            var partition = PartitionProgress(partition: number, nextOffset: 10)
            partition.nextOffset = 100 + Int64(number.rawValue)
            partition.highWatermarkOffset = number == 0 ? nil : 200
            partition.maxEventTime = number == 1 ? nil : EventTime(milliseconds: base + 1)
            partition.isIdle = number == 2
            (partition.counted, partition.late, partition.rejected) = (50, 30, 10)
            return partition
        }
        written.watermark = EventTime(milliseconds: base - 1)
        written.finalBefore = window(base)
        try openStore(path).write(written, now: base)
        let progress = try openStore(path).progress()
        #expect(progress.generation == 1)
        #expect(progress.watermark == EventTime(milliseconds: base - 1))
        #expect(progress.finalBefore == window(base))
        #expect(progress.latestWindowEnd == window(base + 180_000))
        #expect(progress.partitions == written.partitions)
        #expect(progress.partitions.map(\.consumed) == [90, 90, 90])
    }

    @Test("a new state has no progress")
    func fresh() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        let progress = try store.progress()
        #expect(
            progress
                == Progress(generation: 0, watermark: nil, finalBefore: .epoch, latestWindowEnd: .epoch, partitions: [])
        )
        try store.write(flush([]), now: base)
        #expect(try store.progress().watermark == nil)
        #expect(try store.progress().generation == 1)
    }

    @Test("a late or rejected event is never written twice: the whole flush is refused")
    func onceOnly() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        try store.write(fullFlush(0), now: base)
        #expect(throws: SQLiteError.self) { try store.write(fullFlush(0), now: base) }
        #expect(try store.connection.integer("SELECT sum(count) FROM counts") == 3)
    }

    @Test("a durable transaction that fails changes nothing, and the connection goes on as before")
    func durably() throws {
        struct Stop: Error {}
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        #expect(throws: Stop.self) {
            try store.durably {
                #expect(try store.connection.integer("PRAGMA synchronous") == 2)
                try store.setMeta(.topicID, to: "b")
                throw Stop()
            }
        }
        #expect(try store.meta(.topicID) == nil)
        #expect(try store.connection.integer("PRAGMA synchronous") == 1)
        try store.durably { try store.setMeta(.topicID, to: "b") }
        #expect(try store.meta(.topicID) == "b")
    }
}
