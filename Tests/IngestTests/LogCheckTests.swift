// Tests of the check for the last consumed record before any other record of its partition is taken.

import Base
import SQLite
import TestSupport
import Testing
import Windowing

@testable import Ingest
@testable import Kafka
@testable import State

@Suite("Which log is this")
struct LogCheckTests {
    /// The mark of a record with this value.
    static func mark(_ offset: KafkaOffset, _ text: String, epoch: Int32? = nil) -> RecordMark {
        let bytes = Array(text.utf8)
        let print = bytes.withUnsafeBytes {
            Record(partition: 0, offset: offset, payload: $0, isTombstone: false).fingerprint
        }
        return RecordMark(offset: offset, timestamp: nil, leaderEpoch: epoch, fingerprint: print)
    }

    /// A feeder whose partition 0 is at offset 10 with `last` as its last record.
    static func feeder(_ last: RecordMark?) throws -> Feeder {
        let feeder = try Feeder()
        var progress = PartitionProgress(partition: 0, nextOffset: 10)
        progress.lastRecord = last
        feeder.add(progress)
        return feeder
    }

    let event = pageView("E1", at: base)

    @Test("the same record is passed over and what follows is counted; reading begins at that record")
    func same() throws {
        let feeder = try Self.feeder(Self.mark(9, event, epoch: 4))
        #expect(feeder.accumulator.positions == [Position(partition: 0, offset: 10)])
        #expect(feeder.accumulator.readPositions == [Position(partition: 0, offset: 9, leaderEpoch: 4)])
        feeder.take(0, 9, event)
        #expect(!feeder.accumulator.hasNews)
        feeder.take([(0, 10, Array(event.utf8)), (0, 11, Array("x".utf8))])
        #expect(feeder.foreign().isEmpty)
        let progress = feeder.currentFlush().partitions[0]
        #expect((progress.nextOffset, progress.counted, progress.rejected) == (12, 1, 1))
        #expect(progress.lastRecord == Self.mark(11, "x"))
        #expect(feeder.accumulator.readPositions == [Position(partition: 0, offset: 12)])
    }

    @Test("another record stops the partition: neither it nor what follows, nor an end, changes anything")
    func other() throws {
        let feeder = try Self.feeder(Self.mark(9, "another"))
        let before = feeder.currentFlush().partitions
        feeder.take([(0, 9, Array(event.utf8)), (0, 10, Array(event.utf8))])
        feeder.take(0, 11, event)
        feeder.reachedEnd(of: 0, offset: 20)
        #expect(feeder.currentFlush().partitions == before)
        #expect(feeder.foreign() == [9])
        #expect(feeder.foreign().isEmpty)
        // Once its log is accepted, the partition continues.
        feeder.forget(0)
        #expect(feeder.currentFlush().partitions[0].lastRecord == nil)
        feeder.take(0, 10, event)
        #expect(feeder.currentFlush().partitions[0].counted == 1)
    }

    @Test("another timestamp is another record; a later record first, or no mark, says nothing")
    func doubt() throws {
        let mark = Self.mark(9, event)
        let later = RecordMark(offset: 9, timestamp: 1, leaderEpoch: nil, fingerprint: mark.fingerprint)
        let stamped = try Self.feeder(later)
        stamped.take(0, 9, event)
        #expect(stamped.foreign() == [9])
        for last in [later, nil] {
            let feeder = try Self.feeder(last)
            feeder.take(0, 12, event)
            #expect(feeder.foreign().isEmpty)
            #expect(feeder.currentFlush().partitions[0].nextOffset == 13)
        }
    }

    @Test("the leader's epoch is given only where it holds: for the record itself and the offset after it")
    func epochs() throws {
        let feeder = try Self.feeder(Self.mark(9, event, epoch: 4))
        feeder.take(0, 9, event)
        #expect(feeder.accumulator.readPositions == [Position(partition: 0, offset: 10, leaderEpoch: 4)])
        // A transaction marker of a later epoch is in between.
        feeder.reachedEnd(of: 0, offset: 11)
        #expect(feeder.accumulator.readPositions == [Position(partition: 0, offset: 11)])
    }

    @Test("what is passed over, by what happened to the log")
    func ranges() {
        let changes: [(LogChange, from: KafkaOffset, isExact: Bool)] = [
            (.recreated(old: "a", new: "b"), 3, true), (.cut(at: 500), 500, true), (.cut(at: 1), 3, true),
            (.cut(at: nil), 3, false), (.otherRecord(at: 9), 3, false), (.shorter(end: 7), 7, false),
        ]
        for (change, from, isExact) in changes {
            #expect(change.firstUnread(low: 3) == from)
            #expect(change.isExact == isExact)
            let range = UnreadRange(topic: "t", partition: 1, change: change, from: from, to: 1000)
            #expect(range.incident.kind == "log-replaced")
            #expect(range.incident.detail.contains("offsets \(from) to 999 (\(from.distance(to: 1000)) in all)"))
            #expect(range.incident.detail.contains("at most") != isExact)
            let error = IngestError.otherLog(range)
            #expect(error.isForeignState && !error.isWrongUsage)
            #expect("\(error)".contains("new --state") && "\(error)".contains("--on-missing-offsets skip"))
        }
    }

    @Test("the end of a run and the next start agree on the last record, over a real broker's records")
    func overRuns() async throws {
        let stage = try Stage()
        try stage.send((0..<5).map { _ in Array(pageView("E1", at: base).utf8) })
        try await stage.run()
        #expect(try stage.integer("SELECT last_offset FROM partition_progress") == 4)
        try stage.send([Array(pageView("E2", at: base).utf8)])
        try await stage.run()
        #expect(try stage.integer("SELECT sum(count) FROM counts") == 6)
        // The state is of another log, so the record at its offset differs.
        try {
            try Connection(path: stage.statePath, mode: .readWrite).execute(
                "UPDATE partition_progress SET last_fingerprint = 1")
        }()
        let expected = IngestError.otherLog(
            UnreadRange(topic: "pageviews", partition: 0, change: .otherRecord(at: 5), from: 0, to: 6))
        await #expect(throws: expected) { try await stage.run() }
        try await stage.run { $0.skipsMissingOffsets = true }
        try stage.send([Array(pageView("E3", at: base).utf8)])
        try await stage.run()
        #expect(try stage.integer("SELECT sum(count) FROM counts") == 7)
        #expect(try stage.integer("SELECT count(*) FROM incidents WHERE kind = 'log-replaced'") == 1)
    }
}

@Suite("Events without a user")
struct UserWatchTests {
    @Test("ten thousand without one are worth one word; a single user, or an older state, ends the watch")
    func limit() {
        var watch = UserWatch(recorded: nil, hasEvents: false)
        for _ in 1..<UserWatch.limit {
            let isWorthAWord = watch.saw(user: nil)
            #expect(!isWorthAWord)
        }
        #expect(watch.fact == "9999")
        var other = UserWatch(recorded: watch.fact, hasEvents: true)
        let isWorthAWord = other.saw(user: nil)
        #expect(isWorthAWord)
        #expect(!other.isOn)
        #expect(!UserWatch(recorded: other.fact, hasEvents: true).isOn)
        #expect(!UserWatch(recorded: nil, hasEvents: true).isOn)
        let isStillWorthAWord = watch.saw(user: 7)
        #expect(!isStillWorthAWord)
        #expect(!watch.isOn)
    }

    @Test("one line says so, once, also over a restart")
    func notice() async throws {
        let stage = try Stage()
        let event = Array(pageView("E1", at: base).utf8)
        let lines = LogLines()
        try stage.send((0..<6000).map { _ in event })
        try await stage.run(lines: lines)
        #expect(try stage.query("SELECT value FROM meta WHERE key = 'events_without_user'") == [[.text("6000")]])
        for _ in 0..<2 {
            try stage.send((0..<6000).map { _ in event })
            try await stage.run(lines: lines)
        }
        #expect(lines.all.count { $0.contains("names a user") } == 1)
    }
}

@Suite("The group's offsets")
struct GroupOffsetsTests {
    @Test("one commit at a time; a refusal is told and tried again, a coordinator in the making is waited for")
    func decisions() {
        var group = GroupOffsets()
        #expect(!group.isDue(now: 0))
        group.changed()
        #expect(group.isDue(now: 0))
        group.sent(now: 0)
        group.changed()
        #expect(!group.isDue(now: 1))
        let nothing = group.ended(.acknowledged, now: 2)
        #expect(nothing == nil)
        #expect(group.isDue(now: 2) && group.isPending)
        group.sent(now: 2)
        let refused = KafkaError(code: 30, "no right")
        let words = group.ended(.failed(refused), now: 3)
        #expect(words == "no right")
        #expect(!group.isDue(now: 3))
        #expect(group.isDue(now: 10_000))
        var fresh = GroupOffsets()
        let away = KafkaError(code: 16)
        for (now, isTold) in [(Int64(0), false), (1000, false), (6000, true)] {
            fresh.changed()
            fresh.sent(now: now)
            let told = fresh.ended(.failed(away), now: now)
            #expect((told != nil) == isTold)
        }
        var silent = GroupOffsets()
        silent.changed()
        silent.sent(now: 0)
        let told = [9_999, 10_000, 20_000].map { silent.silence(now: $0) }
        #expect(told == [nil, "no answer for 10 s", nil])
    }

    @Test("the pause after a refusal grows until a commit is acknowledged")
    func pauses() {
        var group = GroupOffsets()
        let refused = KafkaError(code: 30, "no right")
        var now: Int64 = 0
        for pause in [200, 400, 800] as [Int64] {
            group.sent(now: now)
            _ = group.ended(.failed(refused), now: now)
            #expect(!group.isDue(now: now + pause - 1))
            now += pause
            #expect(group.isDue(now: now))
        }
        group.sent(now: now)
        _ = group.ended(.acknowledged, now: now)
        group.sent(now: now)
        _ = group.ended(.failed(refused), now: now)
        #expect(group.isDue(now: now + 200))
    }
}
