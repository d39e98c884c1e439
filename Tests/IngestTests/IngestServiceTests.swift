// Tests of the whole service on librdkafka's in-process broker.

import Base
import Foundation
import Kafka
import SQLite
import TestSupport
import Testing
import Windowing

@testable import Ingest
@testable import State

@Suite("Ingest service")
struct IngestServiceTests {
    @Test("counts of four partitions equal a naive count, and every record is counted or rejected")
    func endToEnd() async throws {
        let seed = testSeed(for: "service, four partitions")
        var random = SeededRandom(seed: seed)
        let stage = try Stage(partitions: 4)
        for partition in 0..<4 { try stage.send(randomValues(1500, &random), to: partition) }
        try await stage.run()
        #expect(try stage.counts() == stage.expectedCounts(), "seed \(seed)")
        #expect(try stage.integer("SELECT count(*) FROM rejected_events") == Int64(stage.rejectedSent))
        #expect(
            try stage.query("SELECT next_offset, lag, consumed, counted + late + rejected FROM partitions")
                == Array(repeating: [.integer(1500), .integer(0), .integer(1500), .integer(1500)], count: 4))
        // A second run changes nothing.
        let before = try stage.query("SELECT * FROM partitions")
        try await stage.run()
        #expect(try stage.counts() == stage.expectedCounts(), "seed \(seed)")
        #expect(try stage.query("SELECT * FROM partitions") == before)
    }

    @Test("a later run goes on where the earlier one stopped")
    func restart() async throws {
        let seed = testSeed(for: "service, restarts")
        var random = SeededRandom(seed: seed)
        let stage = try Stage(partitions: 2)
        for _ in 0..<4 {
            for partition in 0..<2 { try stage.send(randomValues(100 + random.below(300), &random), to: partition) }
            try await stage.run()
            #expect(try stage.counts() == stage.expectedCounts(), "seed \(seed)")
        }
        #expect(try stage.integer("SELECT sum(consumed) FROM partitions") == Int64(stage.sent.joined().count))
        #expect(try stage.integer("SELECT count(DISTINCT value) FROM meta WHERE key = 'state_id'") == 1)
    }

    @Test("a stop in the middle writes what was consumed; whoever starts again loses and doubles nothing")
    func stopInTheMiddle() async throws {
        let seed = testSeed(for: "service, stops")
        var random = SeededRandom(seed: seed)
        let stage = try Stage(partitions: 2)
        try stage.send(randomValues(20_000, &random), to: 0)
        try stage.send(randomValues(20_000, &random), to: 1)
        for _ in 0..<3 {
            let stop = StopSignal()
            let path = stage.statePath
            let before = (try? stage.integer("SELECT sum(consumed) FROM partitions")) ?? nil ?? 0
            try await stage.run(
                stop,
                {
                    $0.exitsAtEnd = false; $0.flushIntervalMilliseconds = 1
                }
            ) {
                // Until another event is counted: a flush may contain only the progress of partitions.
                var consumed: Int64 = before
                while consumed == before, consumed < 40_000 {
                    consumed =
                        (try? Connection(path: path, mode: .readOnly).integer("SELECT sum(consumed) FROM partitions"))
                        ?? before
                }
                stop.set()
            }
            let consumed = try stage.integer("SELECT sum(consumed) FROM partitions")
            #expect(consumed == (try stage.integer("SELECT sum(next_offset) FROM partitions")))
            let rows = try stage.integer(
                "SELECT (SELECT sum(count) FROM counts) + (SELECT count(*) FROM late) + (SELECT count(*) FROM rejected)"
            )
            #expect(rows == consumed)
        }
        try await stage.run()
        #expect(try stage.counts() == stage.expectedCounts(), "seed \(seed)")
        #expect(try stage.integer("SELECT sum(consumed) FROM partitions") == 40_000)
    }

    @Test("a stop does not wait for the flush interval, and what was consumed is written")
    func stopFlushes() async throws {
        let stage = try Stage()
        try stage.send((0..<50).map { _ in Array(pageView("E1", at: base).utf8) })
        let stop = StopSignal()
        let lines = LogLines()
        let asked = SendableBox(ContinuousClock.now)
        // Before the stop nothing is written: the interval is a minute.
        let ended = try await stage.run(
            stop, lines: lines,
            {
                $0.exitsAtEnd = false; $0.flushIntervalMilliseconds = 60_000
            }
        ) {
            #expect(lines.wait(for: "reading topic pageviews, partitions 0"))
            asked.value = ContinuousClock.now
            stop.set()
        }
        #expect(ended - asked.value < .seconds(5))
        #expect(lines.all.contains { $0.contains("stopped at generation") })
        let consumed = try stage.integer("SELECT sum(consumed) FROM partitions") ?? 0
        #expect(try stage.integer("SELECT coalesce(sum(count), 0) FROM counts") == consumed)
        try await stage.run()
        #expect(try stage.integer("SELECT sum(count) FROM counts") == 50)
    }

    @Test("events beyond the allowed lateness are logged as late, once")
    func late() async throws {
        let stage = try Stage()
        let old = Array(pageView("N1", at: base - 2 * 86_400_000).utf8)
        try stage.send([old, Array(pageView("E1", at: base).utf8), old, Array("x".utf8)])
        try await stage.run()
        try await stage.run()
        #expect(
            try stage.query("SELECT consumed, counted, late, rejected FROM partitions") == [
                [.integer(4), .integer(2), .integer(1), .integer(1)]
            ])
        #expect(
            try stage.query("SELECT postcode, timestamp, kafka_offset, published FROM late_events")
                == [[.text("N1"), .text("2021-01-24T12:04:00Z"), .integer(2), .integer(0)]])
    }

    @Test("waiting for a broker ends at once when told to stop")
    func stopsWaiting() async throws {
        let stage = try Stage()
        let (stop, lines) = (StopSignal(), LogLines())
        let asked = SendableBox(ContinuousClock.now)
        let ended = try await stage.run(
            stop, lines: lines,
            {
                $0.kafka = [("bootstrap.servers", "127.0.0.1:1"), ("group.id", "test")]
                $0.bootstrapServers = "127.0.0.1:1"
            }
        ) {
            #expect(lines.wait(for: "cannot reach Kafka at 127.0.0.1:1"))
            asked.value = ContinuousClock.now
            stop.set()
        }
        #expect(ended - asked.value < .seconds(5))
        #expect(try stage.integer("SELECT generation FROM progress") == 0)
    }

    @Test("a service that is to end by itself does not wait for Kafka without a limit")
    func givesUp() async throws {
        let stage = try Stage()
        await #expect {
            try await stage.run {
                $0.kafka = [("bootstrap.servers", "127.0.0.1:1"), ("group.id", "test")]
                $0.bootstrapServers = "127.0.0.1:1"
                $0.unreachableLimitMilliseconds = 300
            }
        } throws: { error in
            guard case IngestError.unreachable("127.0.0.1:1", let reason, 0) = error else { return false }
            return reason.contains("Connection refused")
        }
        await #expect {
            try await stage.run {
                $0.topic = "missing"
                $0.unreachableLimitMilliseconds = 300
            }
        } throws: { error in
            guard case IngestError.unreachable(_, let reason, 0) = error else { return false }
            return reason.contains("topic missing does not exist")
        }
    }

    @Test("only the partitions asked for are read; the others join when they are asked for later")
    func partitions() async throws {
        let stage = try Stage(partitions: 3)
        for partition in 0..<3 { try stage.send([Array(pageView("E\(partition)", at: base).utf8)], to: partition) }
        try await stage.run { $0.partitions = [1] }
        #expect(try stage.query("SELECT kafka_partition, consumed FROM partitions") == [[.integer(1), .integer(1)]])
        try await stage.run()
        #expect(try stage.counts() == stage.expectedCounts())
        await #expect(throws: IngestError.noSuchPartition(topic: "pageviews", partition: 3, count: 3)) {
            try await stage.run { $0.partitions = [3] }
        }
    }

    @Test("a state of another cluster or topic is refused")
    func foreignState() async throws {
        let stage = try Stage()
        try await stage.run()
        let other = try Stage()
        let path = stage.statePath
        await #expect {
            try await other.run { $0.statePath = path }
        } throws: { error in
            if case StoreError.otherCluster = error { true } else { false }
        }
        await #expect(throws: StoreError.otherTopic(path: path, recorded: "pageviews", asked: "clicks")) {
            try await stage.run { $0.topic = "clicks" }
        }
    }

    @Test("a state ahead of its topic is refused: the topic was made anew")
    func stateAhead() async throws {
        let stage = try Stage()
        try stage.send([Array(pageView("E1", at: base).utf8)])
        try await stage.run()
        try {
            let store = try Store(path: stage.statePath, settings: try WindowSettings(), holder: "a test")
            var flush = Flush(counts: CountDeltas(seed: 1))
            var progress = PartitionProgress(partition: 0, nextOffset: 0)
            progress.nextOffset = 100
            flush.partitions = [progress]
            try store.write(flush, now: base)
        }()
        let expected = IngestError.topicShorter(topic: "pageviews", partition: 0, next: 100, end: 1)
        #expect(expected.isForeignState)
        await #expect(throws: expected) { try await stage.run() }
    }

    @Test("a flush that fails is tried again until it succeeds, with nothing lost or doubled")
    func flushFails() async throws {
        let stage = try Stage()
        try await stage.run()
        try Self.fault(stage.statePath, on: true)
        try stage.send((0..<30).map { Array(pageView("P\($0 % 3)", at: base).utf8) } + [nil])
        let lines = LogLines()
        let path = stage.statePath
        try await stage.run(
            lines: lines,
            meanwhile: {
                #expect(lines.wait(for: "cannot be written: no room"))
                try Self.fault(path, on: false)
            })
        #expect(try stage.counts() == stage.expectedCounts())
        #expect(
            try stage.query("SELECT consumed, counted, rejected FROM partitions") == [
                [.integer(31), .integer(30), .integer(1)]
            ])
    }

    @Test("a flush that fails when the service is told to stop is an error, and the state stays whole")
    func flushFailsAtStop() async throws {
        let stage = try Stage()
        try await stage.run()
        try Self.fault(stage.statePath, on: true)
        try stage.send([Array(pageView("E1", at: base).utf8)])
        let (stop, lines) = (StopSignal(), LogLines())
        await #expect(throws: IngestError.notWritten(path: stage.statePath, reason: "no room")) {
            try await stage.run(
                stop, lines: lines,
                meanwhile: {
                    #expect(lines.wait(for: "cannot be written"))
                    stop.set()
                })
        }
        try Self.fault(stage.statePath, on: false)
        #expect(try stage.integer("SELECT next_offset FROM partition_progress") == 0)
        try await stage.run()
        #expect(try stage.counts() == stage.expectedCounts())
    }

    /// Makes every write of a count fail or succeed.
    static func fault(_ path: String, on: Bool) throws {
        let connection = try Connection(path: path, mode: .readWrite)
        try connection.setBusyTimeout(milliseconds: 5000)
        try connection.execute(
            on
                ? "CREATE TRIGGER fault BEFORE INSERT ON counts BEGIN SELECT RAISE(ABORT, 'no room'); END"
                : "DROP TRIGGER fault")
    }
}

/// Passes a value to another thread. The test does not use it meanwhile.
final class SendableBox<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}
