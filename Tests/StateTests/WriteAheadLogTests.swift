// The write-ahead log stays bounded, and readers and the writer do not block each other.

import Base
import Foundation
import Synchronization
import StateFixtures
import TestSupport
import Testing
import Windowing

@testable import SQLite
@testable import State

@Suite("Write-ahead log")
struct WriteAheadLogTests {
    static func counts(_ round: Int) -> Flush {
        flush((0..<400).map { (base + Int64($0 % 4) * 60_000, "P\(round % 50)-\($0)", 1) })
    }

    @Test("the log stays bounded while readers come and go, and a reader that stays only delays that")
    func bounded() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        let pageSize = try store.connection.integer("PRAGMA page_size") ?? 4096
        var highest: Int64 = 0
        var largestFlush: Int64 = 0
        for round in 0..<150 {
            // A reader keeps its snapshot during this flush only.
            let reader = try Connection(path: store.path, mode: .readOnly)
            try reader.execute("BEGIN; SELECT count(*) FROM counts")
            let before = Int64(store.connection.walPages)
            try store.write(Self.counts(round), now: base)
            largestFlush = max(largestFlush, Int64(store.connection.walPages) - before)
            try reader.execute("COMMIT")
            try store.checkpointIfNeeded(pages: 200) { 0 }
            highest = max(highest, store.walBytes)
        }
        let bound = (200 + 2 * largestFlush + 50) * (pageSize + 24)
        #expect(highest <= bound, "\(highest) bytes, at most \(bound) expected")
        #expect(highest > 0)
        try held(store, bound: bound)
    }

    /// The log grows while a reader stays, and is reset once the reader ends.
    private func held(_ store: Store, bound: Int64) throws {
        let reader = try Connection(path: store.path, mode: .readOnly)
        try reader.execute("BEGIN")
        let seen = try reader.integer("SELECT sum(count) FROM counts")
        for round in 0..<60 {
            try store.write(Self.counts(round), now: base)
            try store.checkpointIfNeeded(pages: 200) { 0 }
        }
        #expect(try reader.integer("SELECT sum(count) FROM counts") == seen)
        #expect(store.connection.walPages > 400)
        try reader.execute("COMMIT")
        for round in 0..<60 {
            try store.write(Self.counts(round), now: base)
            try store.checkpointIfNeeded(pages: 200) { 0 }
        }
        #expect(Int64(store.connection.walPages) * 4096 <= bound)
        try store.checkpointFully()
        #expect(store.walBytes == 0)
    }

    @Test("a full checkpoint does not wait for ever for a reader")
    func fullCheckpointWithReader() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        try store.write(Self.counts(0), now: base)
        let reader = try Connection(path: store.path, mode: .readOnly)
        try reader.execute("BEGIN; SELECT count(*) FROM counts")
        try store.write(Self.counts(1), now: base)
        try store.checkpointFully()
        #expect(try reader.integer("SELECT sum(count) FROM counts") == 400)
        try store.write(Self.counts(2), now: base)
        #expect(store.generation == 3)
    }

    /// The messages between readers and the writer.
    final class Watch: Sendable {
        let isDone = Atomic<Bool>(false)
        let reads = Atomic<Int>(0)
    }

    @Test("readers see only whole flushes and are never told that the file is locked")
    func readersDuringWrites() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try { try openStore(path).write(Self.counts(0), now: base) }()
        let watch = Watch()
        let reader: @Sendable () throws -> Void = {
            // As in the program: the first reader after the file was closed rebuilds the log's index, and others wait.
            let reader = try StateReader(path).connection
            var last: Int64 = 0
            while !watch.isDone.load(ordering: .acquiring) {
                // Every flush counts 400 events and raises the generation by one.
                let rows = try reader.rows("SELECT (SELECT generation FROM progress), (SELECT sum(count) FROM counts)")
                guard case .integer(let generation) = rows[0][0], case .integer(let sum) = rows[0][1] else { continue }
                #expect(sum == generation * 400)
                #expect(generation >= last)
                last = generation
                watch.reads.add(1, ordering: .relaxed)
            }
        }
        let writer: @Sendable () throws -> Void = {
            defer { watch.isDone.store(true, ordering: .releasing) }
            let store = try openStore(path)
            var round = 1
            while round < 60 || (watch.reads.load(ordering: .relaxed) < 30 && round < 5000) {
                try store.write(Self.counts(round), now: base)
                try store.checkpointIfNeeded(pages: 100) { 0 }
                round += 1
            }
        }
        try await onThreads([writer, reader, reader, reader])
        #expect(watch.reads.load(ordering: .relaxed) >= 30)
    }

    @Test("the log's files stay when the store is closed, so that readers without write permission can open it")
    func logStays() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try { try openStore(path).write(Self.counts(0), now: base) }()
        #expect(FileManager.default.fileExists(atPath: path + "-wal"))
        #expect(FileManager.default.fileExists(atPath: path + "-shm"))
        #expect(
            try Connection(path: path, mode: .readOnly).integer("SELECT sum(count) FROM postcode_view_count") == 400)
    }
}
