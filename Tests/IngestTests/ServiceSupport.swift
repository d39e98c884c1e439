// A broker with a topic, a state folder, and a service for both.

import Base
import Dispatch
import Foundation
import Kafka
import Log
import SQLite
import TestSupport
import Testing
import Windowing

@testable import Ingest
@testable import State

/// The log lines of a service.
final class LogLines: Sendable {
    private let lines = Lock<[String]>([])
    private let arrived = DispatchSemaphore(value: 0)

    var all: [String] { lines.withLock { $0 } }

    func add(_ line: String) {
        lines.withLock { $0.append(line) }
        arrived.signal()
    }

    /// Waits until a line contains `words`.
    /// - Returns: false when no line did within 30 s.
    func wait(for words: String) -> Bool {
        let deadline = DispatchTime.now() + .seconds(30)
        while !all.contains(where: { $0.contains(words) }) {
            if arrived.wait(timeout: deadline) == .timedOut { return all.contains { $0.contains(words) } }
        }
        return true
    }

    var logger: Logger { Logger { self.add($0.message) } }
}

/// The environment of a service in tests.
final class Stage {
    let broker: InProcessBroker
    let folder: TemporaryFolder
    let producer: Producer
    let partitions: Int
    /// The records that were sent, by partition, in order.
    private(set) var sent: [[[UInt8]?]]

    init(partitions: Int = 1, createTopic: Bool = true) throws {
        broker = try InProcessBroker()
        folder = try TemporaryFolder()
        self.partitions = partitions
        if createTopic { try broker.createTopic("pageviews", partitions: partitions) }
        producer = try Producer(
            settings: [
                ("bootstrap.servers", broker.bootstrapServers), ("linger.ms", "1"), ("batch.size", "50000"),
                ("queue.buffering.max.messages", "100000"),
            ], log: { _ in }, delivered: { #expect($0.failure == nil) })
        sent = Array(repeating: [], count: partitions)
    }

    var statePath: String { folder.file("state.db") }

    func send(_ values: [[UInt8]?], to partition: Int = 0) throws {
        for value in values {
            if let value {
                try value.withUnsafeBytes {
                    try producer.send(topic: "pageviews", partition: PartitionID(clamping: partition), value: $0)
                }
            } else {
                try producer.send(topic: "pageviews", partition: PartitionID(clamping: partition), value: nil)
            }
        }
        #expect(producer.flush(timeoutMilliseconds: 30_000))
        sent[partition] += values
    }

    func settings(_ change: (inout IngestSettings) -> Void = { _ in }) throws -> IngestSettings {
        var settings = IngestSettings(
            kafka: [("bootstrap.servers", broker.bootstrapServers), ("group.id", "test")],
            bootstrapServers: broker.bootstrapServers, topic: "pageviews", statePath: statePath,
            windows: try WindowSettings())
        settings.flushIntervalMilliseconds = 20
        settings.exitsAtEnd = true
        change(&settings)
        return settings
    }

    /// Runs the service on another thread, and `meanwhile` on this one.
    /// - Returns: when the service ended.
    @discardableResult
    func run(
        _ stop: StopSignal = StopSignal(), lines: LogLines = LogLines(),
        _ change: (inout IngestSettings) -> Void = { _ in },
        meanwhile: @escaping @Sendable () throws -> Void = {}
    ) async throws -> ContinuousClock.Instant {
        let settings = try settings(change)
        let ended = SendableBox(ContinuousClock.now)
        try await onThreads([
            {
                let store = try Store(path: settings.statePath, settings: settings.windows, holder: "a test")
                try IngestService(
                    settings: settings, stop: stop, time: .system, random: { UInt64.random(in: .min ... .max) },
                    log: lines.logger
                ).run(SharedStore(store))
                ended.value = ContinuousClock.now
            }, meanwhile,
        ])
        return ended.value
    }

    /// The rows of a query on the state.
    func query(_ sql: String) throws -> [[Value]] {
        let statement = try Connection(path: statePath, mode: .readOnly).prepare(sql)
        var rows: [[Value]] = []
        while try statement.step() { rows.append((0..<statement.columnCount).map { statement.value($0) }) }
        return rows
    }

    func integer(_ sql: String) throws -> Int64? { try Connection(path: statePath, mode: .readOnly).integer(sql) }

    /// The state's counts by `window postcode`.
    func counts() throws -> [String: Int] {
        try query("SELECT timestamp, postcode, count FROM postcode_view_count").reduce(into: [:]) { counts, row in
            guard case .text(let time) = row[0], case .text(let postcode) = row[1], case .integer(let count) = row[2]
            else { return }
            counts["\(time) \(postcode)"] = Int(count)
        }
    }

    /// The expected counts, computed with Foundation's JSON and dates.
    func expectedCounts() -> [String: Int] {
        var counts: [String: Int] = [:]
        let format = ISO8601DateFormatter()
        for case let value? in sent.joined() {
            guard let event = try? JSONSerialization.jsonObject(with: Data(value)) as? [String: Any],
                let postcode = event["postcode"] as? String, let time = event["timestamp"] as? Int
            else { continue }
            let start = Date(timeIntervalSince1970: Double(time / 1000 / 60 * 60))
            counts["\(format.string(from: start)) \(postcode)", default: 0] += 1
        }
        return counts
    }

    var rejectedSent: Int { sent.joined().count { $0 == nil || $0.map { $0.first != UInt8(ascii: "{") } == true } }
}

/// Events of the ten minutes before `base`, with some invalid messages among them.
func randomValues(_ count: Int, _ random: inout SeededRandom) -> [[UInt8]?] {
    (0..<count).map { _ in
        if random.oneIn(20) { return [nil, [], Array("[1]".utf8)][random.below(3)] }
        return Array(pageView("P\(random.below(30))", at: base - Int64(random.below(600_000))).utf8)
    }
}
