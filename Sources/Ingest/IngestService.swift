// The service's loop: observe (poll), decide (`RunState` and the accumulator, pure), act (flush).
//
// Invariants: one thread runs it from start to end and owns consumer and store; offsets advance only in the transaction
// that holds what they brought; a flush that fails is retried with the same contents and nothing is consumed meanwhile.

package import Health
package import Base
import Kafka
package import Log
import SQLite
package import State
import Windowing

/// Consumes a topic into a state until it is told to stop.
package final class IngestService {
    let settings: IngestSettings
    let stop: StopSignal
    let time: TimeSource
    let log: Logger
    let board: HealthBoard?
    private let random: () -> UInt64

    /// - Parameters:
    ///   - random: 64 random bits, for the state's id and the hash function.
    ///   - board: told how the service is; nil when nobody asks.
    package init(
        settings: IngestSettings, stop: StopSignal, time: TimeSource, random: @escaping () -> UInt64, log: Logger,
        board: HealthBoard? = nil
    ) {
        self.board = board
        self.settings = settings
        self.stop = stop
        self.time = time
        self.random = random
        // Every line is about the topic.
        self.log = log.with("topic", "\(settings.topic)")
    }

    /// Whether librdkafka takes the settings; nothing is connected to.
    /// - Throws: `KafkaError`.
    package static func check(_ settings: IngestSettings) throws {
        try TopicName.check(settings.topic)
        _ = try Consumer(settings: settings.kafka, batchCapacity: 1) { _ in }
    }

    /// Runs until the stop signal, or the end of every partition when the settings say so.
    /// - Parameters:
    ///   - store: the open state.
    ///   - sink: where raw events go; nil when they are not wanted.
    /// - Throws: `StoreError` (also of a damaged state), `IngestError`, `KafkaError` (a refused setting).
    package func run(_ store: SharedStore, raw sink: (any RawSink)? = nil) throws {
        try StoreError.explaining(store.path) { try consume(store, raw: sink) }
    }

    private func consume(_ store: SharedStore, raw sink: (any RawSink)?) throws {
        try store.with { try $0.checkTopic(settings.topic) }
        let log = self.log
        let consumer = try Consumer(settings: settings.kafka) { line in
            log.debug("librdkafka \(line.facility): \(line.text)")
        }
        let ends = board.map { EndWatch(settings: settings, consumer: consumer, board: $0, time: time, log: log) }
        guard let clusterID = try waitForCluster(consumer) else { return }
        let identity = Identity(clusterID: clusterID, topic: settings.topic)
        let (progress, rawOffsets, topicID, users) = try store.with { store in
            try store.adopt(identity, stateID: Self.hex(random()) + Self.hex(random()))
            return (
                try store.progress(), try store.rawOffsets(), try Run.recordedTopicID(store),
                try store.meta(.eventsWithoutUser)
            )
        }
        let raw = sink.map { sink in
            RawHalf(sink) { partition, offset in
                // A state that cannot be read fails the next flush as well, which says so.
                (try? store.with { try $0.isLate(partition: partition, offset: offset) }) ?? false
            }
        }
        let finalBefore = progress.finalBefore > 0 ? progress.finalBefore : nil
        let accumulator = Accumulator(
            engine: engine(progress), finalBefore: finalBefore, hashSeed: random(), raw: raw,
            keepsRejected: settings.keepsRejected,
            users: UserWatch(recorded: users, hasEvents: progress.partitions.contains { $0.consumed > 0 }))
        var run = Run(
            service: self, store: store, consumer: consumer, accumulator: accumulator, raw: raw, progress: progress,
            rawOffsets: rawOffsets, topicID: topicID)
        ends?.start()
        defer { ends?.end() }
        try run.run()
    }

    private func engine(_ progress: Progress) -> WindowEngine {
        WindowEngine(
            settings: settings.windows, watermark: progress.watermark, latestWindowEnd: progress.latestWindowEnd,
            now: time.wall())
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Asks for the cluster until it answers.
    /// - Returns: its id; nil when the service was stopped before that.
    private func waitForCluster(_ consumer: Consumer) throws -> String? {
        var pause = Backoff()
        var cause = FailureCause()
        let began = time.monotonic()
        while !stop.wasSet {
            if let id = consumer.clusterID(timeoutMilliseconds: 1000) { return id }
            let reason = lastError(consumer, &cause)
            board?.kafkaFailed(reason, now: time.wall())
            if settings.givesUp(since: began, now: time.monotonic()) { throw settings.unreachable(reason) }
            let milliseconds = pause.next()
            log.warning(
                """
                cannot reach Kafka at \(settings.bootstrapServers): \(reason); trying again in \(milliseconds) ms
                """, metadata: ["brokers": "\(settings.bootstrapServers)"])
            stop.wait(milliseconds: milliseconds)
        }
        return nil
    }

    private func lastError(_ consumer: Consumer, _ cause: inout FailureCause) -> String {
        let notices = consumer.poll(timeoutMilliseconds: 0) { _, notices in notices }
        for case .failed(let error) in notices { _ = cause.words(for: error, now: time.wall()) }
        return cause.words(now: time.wall())
    }
}

/// Pauses between tries: doubling from 200 ms to 5 s.
struct Backoff: Equatable {
    private var milliseconds: Int64 = 100

    mutating func next() -> Int64 {
        milliseconds = min(milliseconds * 2, 5000)
        return milliseconds
    }

    mutating func reset() { milliseconds = 100 }
}
