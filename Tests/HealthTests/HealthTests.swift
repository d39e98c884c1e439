// The health board, the heartbeat file, and the facts that a reader gets from a state.

import Base
import Health
import Foundation
import StateFixtures
import TestSupport
import Testing

@testable import State

private func board() -> HealthBoard {
    HealthBoard(
        ServiceHealth(
            pid: 7, host: "here", version: "1", now: 0, brokers: "b", topic: "t",
            settings: HealthSettings(flushIntervalMilliseconds: 200, exportIntervalMilliseconds: 60_000)))
}

private func reading(_ partition: PartitionID, next: KafkaOffset, end: KafkaOffset?) -> PartitionReading {
    var progress = PartitionProgress(partition: partition, nextOffset: next)
    progress.highWatermarkOffset = end
    progress.counted = next.rawValue
    return PartitionReading(progress)
}

@Suite("Health of a service")
struct HealthTests {
    @Test("a partition is stuck from when its records wait until it moves or has none")
    func stuck() {
        let board = board()
        func since(next: KafkaOffset, end: KafkaOffset, at now: Int64, isPaused: Bool = false) -> Int64? {
            board.asked(ends: [0: end], leaders: [], now: now)
            board.observe([reading(0, next: next, end: end)], isPaused: isPaused, now: now)
            return board.current.partitions[0].stuckSince
        }
        board.observe([reading(0, next: 5, end: 5)], isPaused: false, now: 500)
        #expect(since(next: 5, end: 5, at: 1000) == nil)
        #expect(since(next: 5, end: 9, at: 2000) == 2000)
        #expect(since(next: 5, end: 10, at: 3000) == 2000)
        #expect(since(next: 6, end: 10, at: 4000) == 4000)
        #expect(since(next: 6, end: 10, at: 5000, isPaused: true) == nil)
        #expect(since(next: 10, end: 10, at: 6000) == nil)
        #expect(board.current.phase == .running)
    }

    @Test(
        "records behind an open transaction do not make a partition stuck; the transaction is open until its end moves")
    func transaction() {
        let board = board()
        func since(next: KafkaOffset, end: KafkaOffset, last: KafkaOffset, at now: Int64) -> [Int64?] {
            board.observe([reading(0, next: next, end: last)], isPaused: false, now: now)
            board.asked(ends: [0: end], leaders: [], now: now)
            board.observe([reading(0, next: next, end: last)], isPaused: false, now: now)
            let partition = board.current.partitions[0]
            return [partition.transactionSince, partition.stuckSince]
        }
        #expect(since(next: 5, end: 5, last: 5, at: 1000) == [nil, nil])
        #expect(since(next: 5, end: 5, last: 9, at: 2000) == [2000, nil])
        #expect(since(next: 5, end: 5, last: 12, at: 20_000) == [2000, nil])
        #expect(since(next: 9, end: 9, last: 14, at: 21_000) == [21_000, nil], "the next one")
        #expect(since(next: 9, end: 12, last: 14, at: 22_000) == [22_000, 22_000], "some can be read and do not come")
        #expect(since(next: 14, end: 14, last: 14, at: 23_000) == [nil, nil])
    }

    @Test("a leader that does not answer keeps the time it began, and what the client says of its address")
    func leaders() {
        let board = board()
        func leader(_ reason: String?, at now: Int64) -> ServiceHealth.Leader? {
            board.asked(
                ends: [:],
                leaders: [
                    .init(id: 1, address: "h:1", partitions: [0], silentSince: reason.map { _ in now }, reason: reason)
                ], now: now)
            return board.current.leaders?.first
        }
        #expect(leader("no answer in time", at: 10)?.silentSince == 10)
        #expect(leader("no answer in time", at: 20)?.silentSince == 10)
        board.kafkaFailed("other:1: refused", now: 25)
        board.kafkaFailed("h:1/1: Connect failed: refused", now: 26)
        board.kafkaFailed("timed out", now: 27)
        #expect(leader("no answer in time", at: 30)?.reason == "h:1/1: Connect failed: refused")
        #expect(leader(nil, at: 40) == .init(id: 1, address: "h:1", partitions: [0]))
        board.couldNotAsk(now: 50)
        #expect(board.current.leaders == nil)
        #expect(leader("no answer in time", at: 60)?.silentSince == 60)
        board.couldNotAsk(now: 70)
        #expect(board.current.leaders?.map(\.silentSince) == [60], "it may be why nobody answers")
    }

    @Test("an end that could not be asked for is not known, and the sample of that time has no lag")
    func ends() {
        let board = board()
        board.observe([reading(0, next: 5, end: 9)], isPaused: true, now: 1)
        board.asked(ends: [0: 9], leaders: [], now: 2)
        #expect(board.current.lag(now: 3) == 4)
        board.couldNotAsk(now: 4)
        #expect(board.current.lag(now: 5) == nil)
        board.observe([reading(0, next: 5, end: 9)], isPaused: true, now: 6000)
        #expect(board.current.samples.last?.lag == .some(nil))
    }

    @Test("a fault of a partition stays until it brings a record or its end")
    func partitionFaults() {
        let board = board()
        board.observe([reading(0, next: 5, end: 5), reading(1, next: 0, end: 3)], isPaused: false, now: 1)
        board.partitionFailed(1, "no leader", now: 10)
        board.partitionFailed(1, "no leader yet", now: 20)
        board.observe(
            [reading(0, next: 6, end: 6), reading(1, next: 0, end: 3)], isPaused: false, now: 30)
        #expect(board.current.partitions[1].failingSince == 10)
        #expect(board.current.partitions[1].reason == "no leader yet")
        board.observe(
            [reading(0, next: 6, end: 6), reading(1, next: 2, end: 3)], isPaused: false, now: 40)
        #expect(board.current.partitions[1].failingSince == nil)
        board.partitionFailed(1, "no leader", now: 50)
        board.partitionAnswered(1, now: 60)
        #expect(board.current.partitions[1].reason == nil)
    }

    @Test("a partition that nobody serves is a fault until the cluster says otherwise, whatever its end says")
    func missing() {
        let board = board()
        board.observe([reading(0, next: 5, end: 5)], isPaused: false, now: 1)
        board.discovered(missing: [0: "no leader", 9: "not ours"], now: 10)
        board.observe([reading(0, next: 5, end: 5)], isPaused: false, now: 20)
        #expect(board.current.partitions[0].failingSince == 10 && board.current.kafka.answeredAt == 10)
        board.discovered(missing: [:], now: 30)
        #expect(board.current.partitions[0].failingSince == nil)
        board.partitionFailed(0, "too large", now: 40)
        board.discovered(missing: [:], now: 50)
        #expect(board.current.partitions[0].failingSince == 40, "what fetching said stays")
    }

    @Test("Kafka is away from the first failure until it answers or records come")
    func kafka() {
        let board = board()
        board.kafkaFailed("refused", now: 10)
        board.kafkaFailed("timed out", now: 20)
        #expect(board.current.kafka.failingSince == 10)
        #expect(board.current.kafka.reason == "timed out")
        board.observe([reading(0, next: 5, end: 5)], isPaused: false, now: 30)
        #expect(board.current.kafka.failingSince == 10)
        board.observe([reading(0, next: 6, end: 6)], isPaused: false, now: 40)
        #expect(board.current.kafka.failingSince == nil)
    }

    @Test("samples are taken every five seconds and kept for ten minutes")
    func samples() {
        let board = board()
        for second in 0..<1000 {
            board.asked(ends: [0: KafkaOffset(rawValue: Int64(second) * 2)], leaders: [], now: Int64(second) * 1000)
            board.observe(
                [reading(0, next: KafkaOffset(rawValue: Int64(second)), end: KafkaOffset(rawValue: Int64(second) * 2))],
                isPaused: false,
                now: Int64(second) * 1000)
        }
        let samples = board.current.samples
        #expect(samples.count == HealthBoard.sampleCount)
        #expect(samples.last?.at == 995_000 && samples.last?.lag == 995 && samples.last?.consumed == 995)
        #expect(zip(samples, samples.dropFirst()).allSatisfy { $1.at - $0.at == 5000 })
    }

    @Test("an error that ends the service outlives the shutdown")
    func failure() {
        let board = board()
        board.fail("no offsets")
        board.enter(.stopped)
        #expect(board.current.phase == .failed && board.current.failure == "no offsets")
    }

    @Test("the file gives back what was written, shorter contents after longer too")
    func file() throws {
        let folder = try TemporaryFolder()
        let state = folder.file("state.db")
        #expect(HealthFile.read(state: state) == nil)
        let file = try #require(HealthFile(state: state))
        var health = board().current
        for text in [String(repeating: "long ", count: 1000), "short"] {
            health.failure = text
            file.write(health)
            #expect(HealthFile.read(state: state) == health)
        }
    }

    @Test("bytes of two writes, or of half a one, are not taken for a health")
    func torn() throws {
        let folder = try TemporaryFolder()
        let state = folder.file("state.db")
        let file = try #require(HealthFile(state: state))
        file.write(board().current)
        let whole = try #require(FileManager.default.contents(atPath: HealthFile.path(ofState: state)))
        #expect(HealthFile.parse(whole) != nil)
        for length in 0..<(whole.count - 4) { #expect(HealthFile.parse(whole.prefix(length)) == nil) }
        let mixed = Data("2 7\n".utf8) + whole.dropFirst(4)
        #expect(HealthFile.parse(mixed) == nil)
    }

    @Test(
        "a heartbeat with an impossible number is no heartbeat",
        arguments: ["-9223372036854775808", "9223372036854775807"])
    func impossibleNumbers(number: String) throws {
        var health = board().current
        health.beatAt = 1_700_000_000_123
        let json = String(decoding: try JSONEncoder().encode(health), as: UTF8.self)
        #expect(HealthFile.parse(Data("1 7\n\(json)\n1 7\n".utf8))?.beatAt == 1_700_000_000_123)
        let changed = json.replacingOccurrences(of: "1700000000123", with: number)
        #expect(changed != json && HealthFile.parse(Data("1 7\n\(changed)\n1 7\n".utf8)) == nil)
    }

    @Test("the lag of partitions whose brokers report impossible ends is bounded")
    func boundedLag() {
        var health = board().current
        health.partitions = ([0, 1] as [PartitionID]).map { number in
            var partition = ServiceHealth.Partition(partition: number, nextOffset: 0)
            partition.heard(end: .last, now: 5)
            return partition
        }
        #expect(health.lag(now: 5) == .max)
    }

    @Test("a reader that goes on reading keeps the time it was first seen")
    func readers() {
        var health = board().current
        health.see(readers: [3, 4], now: 10)
        health.see(readers: [4, 5], now: 20)
        #expect(health.readers.map(\.pid) == [4, 5])
        #expect(health.readers.map(\.since) == [10, 20])
    }
}

@Suite("Facts of a state")
struct StatusReaderTests {
    @Test("no file, an empty file and a state without flushes are read without a trace")
    func nothing() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        #expect(try StatusReader(path: path).facts(now: base).exists == false)
        _ = FileManager.default.createFile(atPath: path, contents: Data())
        #expect(try StatusReader(path: path).facts(now: base).exists == false)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["state.db"])
    }

    @Test("what a flush wrote is what is read, while the writer goes on")
    func flushed() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let store = try openStore(path)
        try store.write(fullFlush(0), now: base + 5)
        let reader = StatusReader(path: path)
        let facts = try reader.facts(now: base + 6)
        #expect(
            facts.exists && facts.generation == 1 && facts.flushedAt == base + 5
                && facts.watermark == EventTime(milliseconds: base))
        #expect(facts.partitions.map(\.nextOffset) == [5])
        #expect(facts.watermarkHeldBy == 0)
        #expect(facts.incidents == [OpenIncident(at: base + 5, kind: "missing-offsets", detail: "offsets 1 to 2")])
        #expect(facts.hasUnexported && facts.unpublishedLate == 1)
        try store.write(fullFlush(10), now: base + 7)
        #expect(try reader.facts(now: base + 8).generation == 2)
    }

    @Test("a file of another program is refused")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        try Data("not a database, but long enough to be looked at as one; ".utf8).write(to: URL(fileURLWithPath: path))
        let refusal = StoreError.unreadable(path: path, reason: "file is not a database")
        #expect(throws: refusal) { try StatusReader(path: path).facts(now: base) }
    }

    @Test("views are summed by window, the changed windows anew")
    func views() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let store = try openStore(path)
        try store.write(flush([(base, "E1", 2), (base, "N1", 3), (base + 60_000, "N1", 1)]), now: base)
        let reader = StatusReader(path: path)
        let first = try reader.views(now: base) { true }
        #expect(first.windows.map(\.views) == [5, 1])
        #expect(first.busiest.map(\.name) == ["N1", "E1"] && first.busiest.map(\.views) == [4, 2])
        try store.write(flush([(base + 60_000, "E1", 9)]), now: base)
        #expect(try reader.views(now: base) { true }.windows.map(\.views) == [5, 10])
        #expect(reader.sums.sums.count == 2)
    }
}
