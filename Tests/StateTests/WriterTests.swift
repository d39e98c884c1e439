// One writer: names of the same file share its lock, and a store cannot write after another was opened for writing.

import Base
import Foundation
import Glibc
import StateFixtures
import TestSupport
import Testing
import Windowing

@testable import SQLite
@testable import State

@Suite("One writer")
struct WriterTests {
    /// Names of one state, relative to a folder that holds `state.db` or nothing.
    static let namesOfOne = [
        "link.db", "chain.db", "relative.db", "folder/state.db", "folder/./state.db", "./state.db",
    ]

    static func link(_ folder: TemporaryFolder) throws {
        let files = FileManager.default
        try files.createSymbolicLink(atPath: folder.file("link.db"), withDestinationPath: folder.file("state.db"))
        try files.createSymbolicLink(atPath: folder.file("chain.db"), withDestinationPath: "link.db")
        try files.createSymbolicLink(atPath: folder.file("relative.db"), withDestinationPath: "./state.db")
        try files.createSymbolicLink(atPath: folder.file("folder"), withDestinationPath: folder.path)
    }

    @Test("a name that leads to a locked state is refused, also where the file is not there yet", arguments: namesOfOne)
    func names(name: String) throws {
        for (first, second) in [(name, "state.db"), ("state.db", name)] {
            let folder = try TemporaryFolder()
            try Self.link(folder)
            let store = try openStore(folder.file(first), holder: "the first")
            let path = folder.file(second)
            #expect(throws: StoreError.inUse(path: path, holder: "the first")) { _ = try openStore(path) }
            try store.write(flush([(base, "E1", 1)]), now: base)
            // There is one lock and one log, both beside the file.
            let made = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains(".db-") }
            #expect(made.sorted() == ["state.db-shm", "state.db-wal"])
            #expect(access(folder.file("state.db.lock"), F_OK) == 0)
            #expect(store.walBytes > 0)
        }
    }

    @Test("links that go round in circles, or nowhere, are named")
    func brokenLinks() throws {
        let folder = try TemporaryFolder()
        let files = FileManager.default
        try files.createSymbolicLink(atPath: folder.file("a.db"), withDestinationPath: "b.db")
        try files.createSymbolicLink(atPath: folder.file("b.db"), withDestinationPath: "a.db")
        try files.createSymbolicLink(atPath: folder.file("c.db"), withDestinationPath: "no/state.db")
        for (name, code) in [("a.db", ELOOP), ("c.db", ENOENT), ("no/state.db", ENOENT)] {
            let expected = StoreError.cannotOpen(path: folder.file(name), reason: String(cString: strerror(code)))
            #expect(throws: expected) { _ = try openStore(folder.file(name)) }
        }
        #expect(throws: StoreError.self) { _ = try openStore("") }
    }

    @Test("a state with a second hard link is refused: each name would have a log of its own")
    func hardLink() throws {
        let folder = try TemporaryFolder()
        try { _ = try openStore(folder.file("state.db")) }()
        try FileManager.default.linkItem(atPath: folder.file("state.db"), toPath: folder.file("other.db"))
        for name in ["state.db", "other.db"] {
            let path = folder.file(name)
            #expect(throws: StoreError.severalNames(path: path)) { _ = try openStore(path) }
        }
        try FileManager.default.removeItem(atPath: folder.file("other.db"))
        _ = try openStore(folder.file("state.db"))
    }

    /// All calls that write.
    static let writes: [(name: String, body: @Sendable (Store) throws -> Void)] = [
        ("flush", { try $0.write(flush([(base, "E1", 1)]), now: base) }),
        ("identity", { try $0.adopt(Identity(clusterID: "c", topic: "t"), stateID: "s") }),
        ("fact", { try $0.setMeta(.topicID, to: "b") }),
        ("incident", { try $0.note(Incident(kind: "k", detail: "d"), now: base) }),
        ("end of an incident", { try $0.resolve(incidentsOfKind: "k", now: base) }),
        ("begin of publication", { try $0.beginPublishing(.late, topic: "t", upTo: 1, from: [0: 0]) }),
        ("marks of publication", { try $0.markPublished(.late, numbers: [1], offsets: [0: 1], now: base) }),
        ("restored offsets", { try $0.noteRestored([0: 1]) }),
        ("end of a restore", { try $0.forgetRestored(.late) }),
        ("data file", { _ = try $0.fileID(ofPath: "p") }),
        ("clearing", { try $0.clearStaged() }),
        (
            "staging",
            {
                try $0.stage([
                    RowLocation(windowStart: WindowStart(seconds: 0), postcode: "E1", fileID: 1, position: 0, count: 1)
                ])
            }
        ),
        ("intent", { try $0.prepare(intent) }),
        ("settlement", { try $0.settle(intent, snapshotID: 1, now: base) }),
        ("abandonment", { try $0.abandon(intent, now: base) }),
        ("orphans", { try $0.addOrphans(["o"], of: .raw, now: base) }),
        ("end of orphans", { try $0.forgetOrphans(["o"]) }),
        ("moves", { _ = try $0.moveExported(after: nil, limit: 1) }),
        ("end of files", { try $0.forgetFiles(ids: [1]) }),
        (
            "backfill",
            { store in
                let chunk = BackfillChunk(
                    keys: [], bounds: BackfillBounds(offsets: [:], coveredGeneration: nil), snapshotID: nil)
                _ = try store.backfill(chunk, now: base)
            }
        ),
    ]

    static let intent = Intent(
        commitID: "i", table: .counts, tableName: "t", generation: 1, offsets: [:], rowsAdded: 0, rowsDeleted: 0,
        epoch: 1, work: .counts(CommitFiles()))

    @Test("a store that was overtaken writes nothing more, whatever it writes", arguments: writes.indices)
    func overtaken(index: Int) throws {
        let write = Self.writes[index]
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let first = try openStore(path)
        try first.write(flush([(base, "E1", 1)]), now: base)
        // A lock file that was moved away excludes no one. It is back before the first store writes and checks for it.
        let lock = path + ".lock"
        let rename = { try FileManager.default.moveItem(atPath: $0, toPath: $1) }
        try rename(lock, lock + ".first")
        let second = try openStore(path)
        try rename(lock, lock + ".second")
        try rename(lock + ".first", lock)
        #expect(second.generation == 1)
        let before = try second.connection.rows("SELECT * FROM progress, meta")
        #expect(throws: StoreError.otherWriter(path: path), "\(write.name)") { try write.body(first) }
        #expect(!first.connection.isInTransaction)
        #expect(try second.connection.rows("SELECT * FROM progress, meta") == before)
        try rename(lock, lock + ".first")
        try rename(lock + ".second", lock)
        try second.write(flush([(base, "E1", 1)]), now: base)
        try write.body(second)
        #expect(try second.connection.integer("SELECT max(count) FROM counts") ?? 0 >= 2)
    }

    @Test("a generation that is not the one written last stops a flush, whoever wrote it")
    func generation() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let store = try openStore(path)
        try store.write(flush([(base, "E1", 1)]), now: base)
        try { try Connection(path: path, mode: .readWrite).execute("UPDATE progress SET generation = 7") }()
        #expect(throws: StoreError.otherWriter(path: path)) { try store.write(flush([(base, "E1", 1)]), now: base) }
        #expect(try store.connection.integer("SELECT sum(count) FROM counts") == 1)
        #expect(StoreError.otherWriter(path: path).description.contains("another process"))
    }
}
