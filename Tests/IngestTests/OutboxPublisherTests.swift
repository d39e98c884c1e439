// Tests of the publisher on librdkafka's in-process broker: its records, and waiting for a locked state.

import Health
import Base
import Dispatch
import Foundation
import Kafka
import Log
import SQLite
import Synchronization
import TestSupport
import Testing
import Windowing

@testable import Ingest
@testable import State

@Suite struct OutboxPublisherTests {
    /// Consumes events of which `late` are late, without publishing them.
    private func stage(late: Int) async throws -> Stage {
        let stage = try Stage()
        try stage.send([Array(pageView("P", at: base).utf8)])
        try await stage.run()
        try stage.send((0..<late).map { Array(pageView("L\($0)", at: base - 200_000_000).utf8) })
        try await stage.run()
        #expect(try stage.integer("SELECT count(*) FROM late WHERE published_at_ms IS NULL") == Int64(late))
        return stage
    }

    private func settings(_ stage: Stage) -> OutboxSettings {
        var settings = OutboxSettings(
            name: .late, topic: "late", kafka: [("bootstrap.servers", stage.broker.bootstrapServers)],
            bootstrapServers: stage.broker.bootstrapServers)
        (settings.sourceTopic, settings.quietMilliseconds) = ("pageviews", 50)
        return settings
    }

    private func open(_ stage: Stage) throws -> SharedStore {
        SharedStore(try Store(path: stage.statePath, settings: WindowSettings(), holder: "a test"))
    }

    private func publish(_ stage: Stage) throws -> String? { try publish(stage, open(stage)) }

    private func publish(
        _ stage: Stage, _ store: SharedStore, lines: LogLines = LogLines(), board: HealthBoard? = nil
    ) throws -> String? {
        let stop = StopSignal()
        stop.set()
        let deadline = TimeSource.system.monotonic() + 60_000
        return try OutboxPublisher(
            settings: settings(stage), store: store, stop: stop, time: .system, board: board, failPoint: { _ in },
            log: lines.logger, remaining: { deadline - TimeSource.system.monotonic() }
        ).run()
    }

    private func read(_ stage: Stage) throws -> [Message] {
        let reader = try TopicReader(
            settings: [("bootstrap.servers", stage.broker.bootstrapServers)], topic: "late", partitions: 1,
            log: { _ in })
        try reader.start(Position(partition: 0, offset: 0))
        var found: [Message] = []
        while let event = reader.next(ofPartition: 0, timeoutMilliseconds: 10_000) {
            guard case .message(let message) = event else { break }
            found.append(message)
        }
        return found
    }

    @Test func `each late event is sent once, also by a state that begins anew`() async throws {
        let stage = try await stage(late: 30)
        try stage.broker.createTopic("late", partitions: 1)
        #expect(try publish(stage) == nil)
        #expect(try publish(stage) == nil)
        let first = try read(stage)
        #expect(first.compactMap { OutboxRecord($0)?.origin?.offset } == (1...30).map { KafkaOffset(rawValue: $0) })
        #expect(first.map(\.value) == Array(stage.sent[0].dropFirst()))
        for suffix in ["", "-wal", "-shm", ".lock"] {
            try? FileManager.default.removeItem(atPath: stage.statePath + suffix)
        }
        try await stage.run()
        #expect(try publish(stage) == nil)
        #expect(try stage.integer("SELECT count(*) FROM late WHERE published_at_ms IS NULL") == 0)
        #expect(try read(stage).count == 30)
    }

    /// The numbers of a restored state begin at the wall clock, which may be behind those that the lost state gave.
    @Test func `a record marks no other event of its number`() async throws {
        let stage = try await stage(late: 5)
        try stage.broker.createTopic("late", partitions: 1)
        #expect(try publish(stage) == nil)
        try {
            try Connection(path: stage.statePath, mode: .readWrite).execute(
                "UPDATE late SET published_at_ms = NULL, kafka_offset = kafka_offset + 100; DELETE FROM outbox")
        }()
        #expect(try publish(stage) == nil)
        let offsets = try read(stage).compactMap { OutboxRecord($0)?.origin?.offset }
        #expect(offsets == [1, 2, 3, 4, 5, 101, 102, 103, 104, 105])
        #expect(try stage.integer("SELECT count(*) FROM late WHERE published_at_ms IS NULL") == 0)
        // The same rows once more are found.
        try {
            try Connection(path: stage.statePath, mode: .readWrite).execute(
                "UPDATE late SET published_at_ms = NULL; DELETE FROM outbox")
        }()
        #expect(try publish(stage) == nil)
        #expect(try read(stage).count == 10)
    }

    @Test func `a locked state makes it wait`() async throws {
        let stage = try await stage(late: 5)
        try stage.broker.createTopic("late", partitions: 1)
        let lines = LogLines()
        let store = try open(stage)
        let other = try Connection(path: stage.statePath, mode: .readWrite)
        try other.execute("BEGIN IMMEDIATE")
        let held = SendableBox(other)
        let left = SendableBox<String?>("")
        let board = HealthBoard(
            ServiceHealth(
                pid: 1, host: "", version: "", now: 0, brokers: "", topic: "",
                settings: HealthSettings(flushIntervalMilliseconds: 1)))
        let shared = SendableBox(stage)
        try await onThreads([
            { left.value = try publish(shared.value, store, lines: lines, board: board) },
            {
                #expect(lines.wait(for: "publishing waits"))
                #expect(board.current.publishing?["late"]?.failingSince != nil)
                try held.value.execute("ROLLBACK")
            },
        ])
        #expect(left.value == nil)
        #expect(board.current.publishing?["late"]?.failingSince == nil)
        #expect(try read(stage).count == 5)
    }

    @Test func `what cannot be published in time is told with its number and reason`() async throws {
        let stage = try await stage(late: 5)
        let store = try open(stage)
        var settings = settings(stage)
        settings.kafka = [("bootstrap.servers", "127.0.0.1:1")]
        settings.bootstrapServers = "127.0.0.1:1"
        let stop = StopSignal()
        stop.set()
        let deadline = TimeSource.system.monotonic() + 1500
        let left = try OutboxPublisher(
            settings: settings, store: store, stop: stop, time: .system, failPoint: { _ in }, log: LogLines().logger,
            remaining: { deadline - TimeSource.system.monotonic() }
        ).run()
        let text = try #require(left)
        #expect(text.hasPrefix("5 late events wait (topic late at 127.0.0.1:1: "))
    }

    /// A clock that stands still until it is started.
    private final class Standing: Sendable {
        private let runsSince = Atomic<Int64>(0)

        func run() { runsSince.store(TimeSource.system.monotonic(), ordering: .releasing) }

        var time: TimeSource {
            TimeSource(wall: TimeSource.system.wall) { [self] in
                let since = runsSince.load(ordering: .acquiring)
                return since == 0 ? 0 : TimeSource.system.monotonic() - since
            }
        }
    }

    @Test func `what a publisher sends that was fenced after its last look is not sent again`() async throws {
        let stage = try await stage(late: 30)
        try stage.broker.createTopic("late", partitions: 1)
        let other = stage.folder.file("other.db")
        try Connection(path: stage.statePath, mode: .readWrite).execute("VACUUM INTO '\(other)'")
        try Connection(path: other, mode: .readWrite).execute("UPDATE meta SET value = 'other' WHERE key = 'state_id'")
        let standing = Standing()
        let (looked, claimed) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let shared = SendableBox(stage)
        @Sendable func publish(
            _ path: String, quiet: Int64, _ time: TimeSource, _ failPoint: @escaping (String) -> Void
        ) throws {
            let stop = StopSignal()
            stop.set()
            var settings = settings(shared.value)
            settings.quietMilliseconds = quiet
            let store = try SharedStore(Store(path: path, settings: WindowSettings(), holder: "a test"))
            let left = try OutboxPublisher(
                settings: settings, store: store, stop: stop, time: time, failPoint: failPoint,
                log: LogLines().logger, remaining: { 60_000 }
            ).run()
            #expect(left == nil)
        }
        try await onThreads([
            {
                try publish(shared.value.statePath, quiet: 50, .system) { point in
                    guard point == "late.looked" else { return }
                    looked.signal()
                    // The other publisher has enough time to claim the identity and, unless it waits, to send.
                    _ = claimed.wait(timeout: .now() + 3)
                }
                standing.run()
            },
            {
                looked.wait()
                try publish(other, quiet: 3000, standing.time) { if $0 == "late.sent" { claimed.signal() } }
            },
        ])
        #expect(try read(stage).count == 30)
    }

    @Test func `events of this source that others publish without a pause are not waited for without end`() async throws
    {
        let stage = try await stage(late: 5)
        try stage.broker.createTopic("late", partitions: 1)
        let shared = SendableBox(stage)
        let isOver = Atomic<Bool>(false)
        let left = SendableBox<String?>("")
        try await onThreads([
            {
                let producer = try Producer(
                    settings: [("bootstrap.servers", shared.value.broker.bootstrapServers), ("linger.ms", "0")],
                    log: { _ in }, delivered: { _ in })
                var number: Int64 = 1000
                while !isOver.load(ordering: .acquiring) {
                    number += 1
                    let row = OutboxRow(
                        number: number, partition: 0, offset: KafkaOffset(rawValue: number), payload: [1],
                        envelope: SourceEnvelope(key: nil, headers: nil, timestamp: nil))
                    try row.payload.withUnsafeBytes {
                        try producer.send(
                            topic: "late", partition: 0, value: $0,
                            envelope: OutboxRecord.envelope(row, stateID: "busy", topic: "pageviews"), tag: Int(number))
                    }
                    _ = producer.flush(timeoutMilliseconds: 1000)
                    // A tenth of the quiet time. At full speed the two would measure which of them gets the processor.
                    Thread.sleep(forTimeInterval: 0.005)
                }
            },
            {
                defer { isOver.store(true, ordering: .releasing) }
                left.value = try publish(shared.value)
            },
        ])
        #expect(left.value == nil)
        #expect(try stage.integer("SELECT count(*) FROM late WHERE published_at_ms IS NULL") == 0)
    }
}
