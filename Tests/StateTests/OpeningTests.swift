// Files that are accepted as states, and files that are rejected and left unchanged.

import Base
import Foundation
import Glibc
import StateFixtures
import TestSupport
import Testing
import Windowing

@testable import SQLite
@testable import State

@Suite("Opening a state")
struct OpeningTests {
    func error(_ body: () throws -> Void) -> StoreError? {
        do {
            try body()
            return nil
        } catch {
            return error as? StoreError
        }
    }

    @Test("a state keeps to the cluster, topic and window it was made with")
    func identity() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let ours = Identity(clusterID: "c1", topic: "pageviews")
        try { try openStore(path).adopt(ours, stateID: "s1") }()
        let store = try openStore(path)
        try store.adopt(ours, stateID: "s2")
        #expect(try store.meta(.stateID) == "s1")
        #expect(try store.meta(.clusterID) == "c1")
        #expect(
            error { try store.adopt(Identity(clusterID: "c2", topic: "pageviews"), stateID: "s3") }
                == .otherCluster(path: path, recorded: "c1", found: "c2"))
        #expect(
            error { try store.adopt(Identity(clusterID: "c1", topic: "clicks"), stateID: "s3") }
                == .otherTopic(path: path, recorded: "pageviews", asked: "clicks"))
        #expect(
            error { try store.checkTopic("clicks") } == .otherTopic(path: path, recorded: "pageviews", asked: "clicks"))
        try store.checkTopic("pageviews")
        #expect(try store.meta(.stateID) == "s1")
    }

    @Test("another window length is refused, another delay is not")
    func otherWindow() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try { _ = try openStore(path) }()
        #expect(
            error { _ = try openStore(path, window: 30_000) }
                == .otherWindow(path: path, recordedMilliseconds: "60000", askedMilliseconds: "30000"))
        let store = try Store(
            path: path, settings: try WindowSettings(watermarkDelayMilliseconds: 5), holder: "a test")
        #expect(try store.meta(.watermarkDelayMilliseconds) == "5")
    }

    @Test("a second store is told who holds the state, and gets it when the first is gone")
    func lock() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        var first: Store? = try openStore(path, holder: "pageviews ingest (pid 4711)")
        #expect(
            error { _ = try openStore(path, holder: "another") }
                == .inUse(path: path, holder: "pageviews ingest (pid 4711)"))
        // The rejected store has not overwritten the first one's name in the lock file.
        #expect(
            error { _ = try openStore(path) } == .inUse(path: path, holder: "pageviews ingest (pid 4711)"))
        #expect(first?.generation == 0)
        first = nil
        _ = try openStore(path)
    }

    @Test("a store that could not be opened lets go of the lock")
    func lockAfterFailure() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try { _ = try openStore(path) }()
        #expect(error { _ = try openStore(path, window: 30_000) } != nil)
        _ = try openStore(path)
    }

    @Test("a SQLite database of another program is refused and stays as it is, byte for byte")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("foreign.db")
        try {
            try Connection(path: path, mode: .readWriteCreate).execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
        }()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(error { _ = try openStore(path) } == .notAState(path: path))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
        // An empty database with the application id of another program.
        let marked = folder.file("marked.db")
        try { try Connection(path: marked, mode: .readWriteCreate).execute("PRAGMA application_id = 77") }()
        #expect(error { _ = try openStore(marked) } == .notAState(path: marked))
    }

    @Test("a file that is no database is refused and stays as it is")
    func noDatabase() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("notes.txt")
        let text = Data(String(repeating: "These are notes, not a database.\n", count: 200).utf8)
        try text.write(to: URL(fileURLWithPath: path))
        #expect(error { _ = try openStore(path) } == .unreadable(path: path, reason: "file is not a database"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == text)
    }

    @Test("an empty file becomes a state")
    func emptyFile() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try Data().write(to: URL(fileURLWithPath: path))
        try openStore(path).write(flush([(base, "E1", 1)]), now: base)
        #expect(try openStore(path).generation == 1)
    }

    @Test("a state of a newer program is refused and stays as it is")
    func newer() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try { _ = try openStore(path) }()
        let version = Int64(Schema.migrations.count + 1)
        try { try Connection(path: path, mode: .readWrite).execute("PRAGMA user_version = \(version)") }()
        #expect(error { _ = try openStore(path) } == .newerVersion(path: path, version: version))
    }

    @Test("a damaged state is an error, not a crash, wherever the damage is")
    func damaged() throws {
        let folder = try TemporaryFolder()
        let good = folder.file("good.db")
        try {
            let store = try openStore(good)
            try store.write(flush((0..<2000).map { (base, "P\($0)", 1) }), now: base)
            try store.checkpointFully()
        }()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: good))
        let seed = testSeed(for: "damaged states")
        var random = SeededRandom(seed: seed)
        for round in 0..<60 {
            var damaged = bytes
            for _ in 0..<(round < 30 ? 1 : 200) {
                let limit = random.oneIn(2) ? 4096 : damaged.count
                damaged[random.below(limit)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.oneIn(4) { damaged = damaged.prefix(random.below(damaged.count)) }
            let path = folder.file("damaged-\(round).db")
            try damaged.write(to: URL(fileURLWithPath: path))
            do {
                let store = try openStore(path)
                _ = try store.progress()
                try store.write(flush((0..<50).map { (base, "P\($0 * 40)", 1) }), now: base)
            } catch is SQLiteError {
            } catch is StoreError {
            }
            try FileManager.default.removeItem(atPath: path)
        }
    }

    @Test(
        "an impossible number in the table meta is named",
        arguments: [
            ("evicted_events", "9223372036854775807"), ("evicted_events", "-1"), ("window_ms", "0"),
            ("window_ms", "-9223372036854775808"), ("backfilled_events", "many"), ("evicted_before_s", "9e9"),
            ("rows.raw", "-4"), ("epoch.counts", "18446744073709551616"), ("counted_ends", "[0,-1]"),
            ("counted_ends", "many"), ("restored.late", "[-1,3]"),
        ])
    func impossibleMeta(key: String, value: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try { try openStore(path).write(flush([(base, "E1", 1)]), now: base) }()
        try Connection(path: path, mode: .readWrite).run("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", key, value)
        #expect(
            error { _ = try openStore(path) } == .damaged(path: path, what: "\(key) \(value) in table meta"))
        #expect(
            error { _ = try StateReader(path) } == .damaged(path: path, what: "\(key) \(value) in table meta"))
    }

    @Test("a state that another program has locked is called locked")
    func locked() {
        let busy = StoreError(SQLiteError(code: 5, message: "database is locked"), path: "s.db")
        #expect(busy == .locked(path: "s.db") && "\(busy)".contains("end that program's transaction"))
    }

    @Test("a folder that is missing, or is in the place of the file, is named")
    func cannotOpen() throws {
        let folder = try TemporaryFolder()
        guard case .cannotOpen(let path, let reason) = error({ _ = try openStore(folder.file("no/state.db")) }) else {
            Issue.record("a missing folder was not reported")
            return
        }
        #expect(path == folder.file("no/state.db"))
        #expect(reason == "No such file or directory")
        try FileManager.default.createDirectory(atPath: folder.file("a.db"), withIntermediateDirectories: false)
        guard case .cannotOpen = error({ _ = try openStore(folder.file("a.db")) }) else {
            Issue.record("a folder was not refused")
            return
        }
    }

    @Test("a folder that may not be written is named")
    func readOnlyFolder() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        chmod(folder.path, 0o555)
        defer { chmod(folder.path, 0o755) }
        let found = Self.asNobody { error { _ = try openStore(path) } }
        #expect(found == .cannotOpen(path: path, reason: "Permission denied"))
    }

    /// Runs `body` without root's access to all files, where root runs the tests. On Linux each thread has its own file
    /// system user.
    static func asNobody<Result>(_ body: () -> Result) -> Result {
        typealias SetFileUser = @convention(c) (uid_t) -> Int32
        guard let symbol = dlsym(nil, "setfsuid") else { return body() }
        let setFileUser = unsafeBitCast(symbol, to: SetFileUser.self)
        let user = setFileUser(65534)
        defer { _ = setFileUser(uid_t(user)) }
        return body()
    }

    @Test("each refusal names the file and says what to do")
    func words() {
        let errors: [(StoreError, String)] = [
            (.inUse(path: "p", holder: "pageviews ingest (pid 1)"), "stop that process first"),
            (.otherCluster(path: "p", recorded: "a", found: "b"), "start a new --state"),
            (.otherTopic(path: "p", recorded: "a", asked: "b"), "give --topic a"),
            (.otherWindow(path: "p", recordedMilliseconds: "1", askedMilliseconds: "2"), "--window"),
            (.notAState(path: "p"), "give another --state"),
            (.newerVersion(path: "p", version: 9), "use the newer program"),
            (.cannotOpen(path: "p", reason: "r"), "check that its folder exists"),
            (.unreadable(path: "p", reason: "r"), "pageviews restore"),
            (.failed(path: "p", reason: "r"), "check the disk"),
        ]
        for (error, advice) in errors {
            #expect("\(error)".contains(advice))
            #expect("\(error)".contains("p"))
            #expect(!"\(error)".contains("\n"))
        }
    }
}
