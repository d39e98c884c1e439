// The arithmetic of a backfill compared with plain counting, and the effect of a chunk on a state.

import Base
import StateFixtures
import TestSupport
import Testing

@testable import SQLite
@testable import State

/// The history of one count, event by event.
private struct History {
    /// One event: whether it was counted or late when it arrived, and where it is now.
    struct Event {
        let isLate: Bool
        /// Whether the raw table must have the event.
        let isBelow: Bool
        var isBackfilled = false
    }

    var events: [Event] = []
    let isEvicted: Bool

    init(_ random: inout SeededRandom) {
        isEvicted = random.oneIn(4)
        let bound = random.below(12)
        for number in 0..<random.below(12) {
            // The raw table has all events of an evicted window except its newest late ones.
            let isBelow = number < bound
            let isLate = random.oneIn(2) || (isEvicted && !isBelow)
            events.append(Event(isLate: isLate, isBelow: isBelow, isBackfilled: isLate && random.oneIn(3)))
        }
    }

    /// The count in the state or the table.
    var count: Int { events.filter { !$0.isLate || $0.isBackfilled }.count }
    var isCovered: Bool { events.allSatisfy { $0.isLate || $0.isBelow } }

    /// The sum from the tables and the state, with rows that the raw table lacks or has twice.
    func sum(rawCounted: Int = 0, rawLate: Int = 0) -> BackfillSum {
        var key = BackfillKey(windowStart: WindowStart(seconds: 60), postcode: "E1", isEvicted: isEvicted)
        key.rawCounted = Int64(events.filter { !$0.isLate && $0.isBelow }.count + rawCounted)
        key.rawLate = Int64(events.filter { $0.isLate && $0.isBelow }.count + rawLate)
        let late = events.filter(\.isLate)
        let row = TableRow(path: "f", position: 0, count: Int64(count))
        if isEvicted, count > 0 { key.tableRows = [row] }
        return BackfillSum(
            key: key,
            late: LateSum(
                below: Int64(late.filter(\.isBelow).count), above: Int64(late.filter { !$0.isBelow }.count),
                backfilled: Int64(late.filter(\.isBackfilled).count)),
            stored: isEvicted || count == 0 ? nil : Int64(count), isCovered: isCovered)
    }
}

@Suite("Backfill")
struct BackfillTests {
    @Test("the new value is the number of all events, whatever was late, exported or backfilled")
    func arithmetic() throws {
        let seed = testSeed(for: "backfill sums")
        var random = SeededRandom(seed: seed)
        for _ in 0..<5000 {
            let history = History(&random)
            let sum = history.sum()
            #expect(sum.doubt == nil, "seed \(seed): \(history)")
            #expect(sum.old == Int64(history.count), "seed \(seed): \(history)")
            #expect(sum.new == Int64(history.events.count), "seed \(seed): \(history)")
        }
    }

    @Test("a raw row too few or too many is doubted wherever it can be told")
    func doubt() throws {
        let seed = testSeed(for: "doubted backfill sums")
        var random = SeededRandom(seed: seed)
        for _ in 0..<5000 {
            let history = History(&random)
            let counted = history.events.filter { !$0.isLate }
            let below = counted.filter(\.isBelow).count
            let lateBelow = history.events.filter { $0.isLate && $0.isBelow }.count
            #expect(history.sum(rawLate: 1).doubt != nil, "seed \(seed): \(history)")
            if lateBelow > 0 { #expect(history.sum(rawLate: -1).doubt != nil, "seed \(seed): \(history)") }
            // The raw table cannot have more rows than counted events.
            let tooMany = counted.count - below + 1
            #expect(history.sum(rawCounted: tooMany).doubt != nil, "seed \(seed): \(history)")
            if below > 0, history.isCovered {
                #expect(history.sum(rawCounted: -1).doubt != nil, "seed \(seed): \(history)")
            }
        }
    }

    @Test("two rows of one count in the table are doubted")
    func twice() {
        var key = BackfillKey(windowStart: WindowStart(seconds: 60), postcode: "E1", isEvicted: true)
        key.tableRows = [TableRow(path: "a", position: 0, count: 1), TableRow(path: "b", position: 0, count: 1)]
        key.rawCounted = 1
        let sum = BackfillSum(key: key, late: LateSum(), stored: nil, isCovered: true)
        #expect(sum.doubt?.contains("2 rows") == true)
    }

    @Test("a chunk is split between windows, and a window never")
    func parts() {
        let keys = [60, 60, 120, 180, 180, 180, 240].map {
            BackfillKey(windowStart: WindowStart(seconds: $0), postcode: "E1", isEvicted: false)
        }
        let chunk = BackfillChunk(keys: keys, bounds: BackfillBounds(offsets: [:]), snapshotID: 7)
        #expect(
            chunk.parts(of: 1).map { $0.keys.map(\.windowStart.seconds) } == [
                [60, 60], [120], [180, 180, 180], [240],
            ])
        #expect(chunk.parts(of: 3).map(\.windowCount) == [2, 1, 1])
        #expect(chunk.parts(of: 100).map(\.keys.count) == [7])
        #expect(chunk.parts(of: 3).allSatisfy { $0.snapshotID == 7 })
        #expect(chunk.windowCount == 4)
    }

    /// A state with two counts, each with a late event. The raw table has all events.
    private func state(_ folder: TemporaryFolder) throws -> Store {
        let store = try openStore(folder.file("state.db"))
        var flush = flush([(base, "E1", 2), (base + 60_000, "N1", 1)])
        flush.late = [lateEvent(0, 3), lateEvent(0, 4)]
        var progress = PartitionProgress(partition: 0, nextOffset: 0)
        progress.nextOffset = 5
        (progress.counted, progress.late) = (3, 2)
        flush.partitions = [progress]
        try store.write(flush, now: base)
        return store
    }

    private func chunk(_ store: Store) throws -> BackfillChunk {
        var keys = try store.backfillKeys(in: .first ..< .last, onlyLate: true, limit: 10)
        for index in keys.indices { (keys[index].rawCounted, keys[index].rawLate) = (2, 2) }
        return BackfillChunk(keys: keys, bounds: BackfillBounds(offsets: [0: 5]), snapshotID: 9)
    }

    @Test("a dry run on a state that another process holds says what the backfill then does, and changes nothing")
    func dryRun() throws {
        let folder = try TemporaryFolder()
        let writer = try state(folder)
        let before = try writer.connection.everything()
        let reader = try Store(readingOnly: writer.path, settings: try settings())
        let foreseen = try reader.tryBackfill(try chunk(reader))
        #expect(
            foreseen.changes == [
                BackfillChange(windowStart: WindowStart(seconds: base / 1000), postcode: "E1", old: 2, new: 4)
            ])
        #expect(try writer.connection.everything() == before)
        #expect(throws: SQLiteError.self) { try reader.setMeta(.topicID, to: "b") }
        let done = try writer.backfill(try chunk(writer), now: base)
        #expect(done.changes == foreseen.changes)
        // The reader stays at the generation at which it was opened.
        #expect(try reader.backfillWindowCount(in: .epoch ..< .last, onlyLate: true) == 1)
        #expect(try writer.backfillWindowCount(in: .epoch ..< .last, onlyLate: true) == 0)
    }

    @Test("doing it twice changes nothing, and the sums stay true")
    func again() throws {
        let folder = try TemporaryFolder()
        let store = try state(folder)
        let chunk = try chunk(store)
        _ = try store.backfill(chunk, now: base)
        let before = try store.connection.everything()
        #expect(try store.backfill(chunk, now: base + 1).changes.isEmpty)
        #expect(try store.connection.everything() == before)
        #expect(try store.backfilledEvents() == 2)
        #expect(store.generation == 2)
    }

    @Test("an older state is not read by itself, and is named")
    func older() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try { _ = try openStore(path) }()
        try { try Connection(path: path, mode: .readWrite).execute("PRAGMA user_version = 1") }()
        let error = #expect(throws: StoreError.self) { try Store(readingOnly: path, settings: try settings()) }
        #expect(error == .olderVersion(path: path, version: 1))
    }
}

@Suite("Key cursor")
struct KeyCursorTests {
    @Test("it finds what a search finds, in whatever order keys are asked for")
    func agreement() throws {
        let seed = testSeed(for: "key cursor")
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            let connection = try Connection(path: "", mode: .memory)
            try connection.execute("CREATE TABLE t (window_start INTEGER, postcode TEXT, n INTEGER)")
            try connection.execute("CREATE INDEX i ON t (window_start, postcode, n)")
            var naive: [Int: [Int64]] = [:]
            let spread = 1 + random.below(400)
            for n in 0..<300 {
                let key = random.below(spread)
                naive[key, default: []].append(Int64(n))
                try connection.execute("INSERT INTO t VALUES (\(key / 10 * 60), '\(key % 10)', \(n))")
            }
            let cursor = try KeyCursor(connection, columns: "n", of: "t INDEXED BY i")
            var key = 0
            for _ in 0..<600 {
                // Mostly a small step ahead, sometimes any key.
                key = random.oneIn(20) ? random.below(spread) : key + random.below(3) * random.below(20)
                var found: [Int64] = []
                var isThere = try Array("\(key % 10)".utf8).withUnsafeBytes {
                    try cursor.find(window: WindowStart(seconds: Int64(key / 10 * 60)), postcode: $0)
                }
                while isThere {
                    found.append(cursor.row.int64(2))
                    // A caller need not read all rows of a key.
                    if random.oneIn(10) { break }
                    isThere = try cursor.next()
                }
                let expected = naive[key] ?? []
                #expect(found == Array(expected.prefix(found.count)), "seed \(seed)")
                if !isThere { #expect(found == expected, "seed \(seed)") }
            }
        }
    }
}
