// The ingest service: connects to the cluster and runs the loop of observing (poll), deciding (`RunState` and the
// accumulator, both pure) and acting (flush).
//
// One thread runs it from start to end and owns the consumer. `Store.write` stores offsets in the same transaction as
// their counts and rows. `RunState` retries a failed flush with the same contents before it polls again.

package import Health
package import Base
import Kafka
package import Log
import SQLite
package import State
import Windowing

/// Consumes a topic into a state until it is stopped.
package final class IngestService {
    let settings: IngestSettings
    let stop: StopSignal
    let time: TimeSource
    let log: Logger
    let board: HealthBoard?
    private let random: () -> UInt64

    /// - Parameters:
    ///   - random: returns 64 random bits, for the state's id and the hash function.
    ///   - board: receives the service's health; nil when nothing shows it.
    package init(
        settings: IngestSettings, stop: StopSignal, time: TimeSource, random: @escaping () -> UInt64, log: Logger,
        board: HealthBoard? = nil
    ) {
        self.board = board
        self.settings = settings
        self.stop = stop
        self.time = time
        self.random = random
        // Every line names the topic.
        self.log = log.with("topic", "\(settings.topic)")
    }

    /// Checks that librdkafka accepts the settings. Opens no connection.
    /// - Throws: `KafkaError` for a setting or topic name that is refused.
    package static func check(_ settings: IngestSettings) throws {
        try TopicName.check(settings.topic)
        _ = try Consumer(settings: settings.kafka, batchCapacity: 1) { _ in }
    }

    /// Runs until the stop signal; with `exitsAtEnd` also until every partition's end.
    /// - Parameters:
    ///   - store: the open state.
    ///   - sink: receives raw events; nil when they are not wanted.
    /// - Throws: `StoreError` (also for a damaged state), `IngestError`, `KafkaError` (a refused setting).
    package func run(_ store: SharedStore, raw sink: (any RawSink)? = nil) throws {
        try StoreError.explaining(store.path) { try consume(store, raw: sink) }
    }

    private func consume(_ store: SharedStore, raw sink: (any RawSink)?) throws {
        let log = self.log
        let consumer = try Consumer(settings: settings.kafka) { line in
            log.debug("librdkafka \(line.facility): \(line.text)")
        }
        let ends = board.map { EndWatch(settings: settings, consumer: consumer, board: $0, time: time, log: log) }
        guard var run = try begin(store, raw: sink, EventSource(consumer, topic: settings.topic)) else { return }
        ends?.start()
        defer { ends?.end() }
        while try run.step() {}
    }

    /// Waits until the cluster answers, reads the state's progress and makes a run.
    /// - Parameters:
    ///   - store: the open state.
    ///   - sink: receives raw events; nil when they are not wanted.
    ///   - source: the connections to the cluster.
    /// - Returns: nil when the service was stopped before the cluster answered.
    /// - Throws: like `run`.
    package func begin(_ store: SharedStore, raw sink: (any RawSink)?, _ source: EventSource) throws -> Run? {
        try store.with { try $0.checkTopic(settings.topic) }
        guard let clusterID = try waitForCluster(source.reader) else { return nil }
        let identity = Identity(clusterID: clusterID, topic: settings.topic)
        let (progress, rawOffsets, topic, users, unread, lost) = try store.with { store in
            try store.adopt(identity, stateID: Self.hex(random()) + Self.hex(random()))
            return (
                try store.progress(), try store.rawOffsets(), try Run.recordedTopic(store),
                try store.meta(.eventsWithoutUser), try store.unreadOffsets(), try store.lostOffsets()
            )
        }
        let raw = sink.map { sink in
            RawHalf(sink, unread: unread, lost: lost) { partition, offset in
                // A state that cannot be read also fails the next flush, which reports it.
                (try? store.with { try $0.isLate(partition: partition, offset: offset) }) ?? false
            }
        }
        let finalBefore = progress.finalBefore > .epoch ? progress.finalBefore : nil
        let accumulator = Accumulator(
            engine: engine(progress), finalBefore: finalBefore, hashSeed: random(), raw: raw,
            keepsRejected: settings.keepsRejected,
            users: UserWatch(recorded: users, hasEvents: progress.partitions.contains { $0.consumed > 0 }))
        return Run(
            service: self, store: store, source: source, accumulator: accumulator, raw: raw, progress: progress,
            rawOffsets: rawOffsets, topic: topic)
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

    /// Asks for the cluster's id until a broker answers.
    /// - Returns: the id; nil when the service was stopped first.
    private func waitForCluster(_ consumer: any RecordReader) throws -> String? {
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
            time.wait(stop, milliseconds: milliseconds)
        }
        return nil
    }

    private func lastError(_ consumer: any RecordReader, _ cause: inout FailureCause) -> String {
        let notices = consumer.poll(timeoutMilliseconds: 0) { _, notices in notices }
        for case .failed(let error) in notices { _ = cause.words(for: error, now: time.wall()) }
        return cause.words(now: time.wall())
    }
}

/// Pauses between attempts: 200 ms, doubled each time up to 5 s.
struct Backoff: Equatable {
    private var milliseconds: Int64 = 100

    mutating func next() -> Int64 {
        milliseconds = min(milliseconds * 2, 5000)
        return milliseconds
    }

    mutating func reset() { milliseconds = 100 }
}
