// Sends generated events at a rate.
//
// Only delivery reports change the summary, so it counts an event as sent only when the broker has acknowledged it.
// Event `n` goes to partition `n` modulo their number, so the same seed fills a topic with the same records.

import Base
import Kafka

/// The events to send, their topic and their rate.
package struct GeneratorSettings: Sendable {
    /// librdkafka settings, `bootstrap.servers` among them.
    package var kafka: [(String, String)]
    /// The topic; created when it is missing.
    package var topic: String
    /// The number of partitions when the topic must be created.
    package var newTopicPartitions = 4
    /// Events per second; 0 for as fast as possible.
    package var rate: Double = 10
    /// The number of events; nil for no limit.
    package var count: Int?
    /// The random seed.
    package var seed: UInt64
    /// The lateness mix.
    package var classes: [LatenessClass]
    /// The number of different postcodes.
    package var postcodes: Int
    /// The unit of timestamps.
    package var unit: TimeUnit = .s
    /// The time of the first event, in milliseconds since the Unix epoch; nil to read the wall clock for each event.
    package var startMilliseconds: Int64?
    /// With a start and a count: the duration over which the events' times are spread. Otherwise they follow the rate.
    package var spanMilliseconds: Int64?

    /// Settings with the defaults of the command line.
    package init(kafka: [(String, String)], topic: String, seed: UInt64, classes: [LatenessClass], postcodes: Int) {
        self.kafka = kafka
        self.topic = topic
        self.seed = seed
        self.classes = classes
        self.postcodes = postcodes
    }
}

/// The outcome of sending.
package struct GeneratorSummary: Equatable, Sendable {
    /// Acknowledged events per lateness class, in the order of the settings.
    package var sent: [Int]
    /// Events that the broker refused or that timed out.
    package var failed = 0
    /// The text of the last failure.
    package var lastFailure: String?
}

/// Sends generated events.
package final class EventSender {
    private let settings: GeneratorSettings
    private let wall: () -> Int64
    private let monotonicMicroseconds: () -> Int64
    private let mayContinue: () -> Bool
    private let pause: (_ milliseconds: Int64) -> Void
    /// Kafka's error code UNKNOWN_TOPIC_OR_PARTITION.
    private static let unknownTopicOrPartition: Int32 = 3

    /// - Parameters:
    ///   - wall: milliseconds since the Unix epoch.
    ///   - monotonicMicroseconds: a clock that never goes back, in microseconds.
    ///   - pause: waits.
    ///   - mayContinue: false ends the sending.
    package init(
        settings: GeneratorSettings, wall: @escaping () -> Int64, monotonicMicroseconds: @escaping () -> Int64,
        pause: @escaping (_ milliseconds: Int64) -> Void, mayContinue: @escaping () -> Bool
    ) {
        self.settings = settings
        self.wall = wall
        self.monotonicMicroseconds = monotonicMicroseconds
        self.pause = pause
        self.mayContinue = mayContinue
    }

    /// Counts delivery reports.
    private final class Tally {
        var summary: GeneratorSummary
        init(classes: Int) { summary = GeneratorSummary(sent: Array(repeating: 0, count: classes)) }
    }

    /// Sends until the count is reached or `mayContinue` returns false, and waits for the acknowledgements.
    /// - Throws: `KafkaError` when the cluster is unreachable, the topic cannot be created or has no partitions, or a
    ///   setting is refused.
    package func run() throws -> GeneratorSummary {
        let tally = Tally(classes: settings.classes.count)
        let producer = try Producer(
            settings: [("linger.ms", "5"), ("queue.buffering.max.messages", "500000")] + settings.kafka,
            log: { _ in },
            delivered: { delivery in
                if let failure = delivery.failure {
                    tally.summary.failed += 1
                    tally.summary.lastFailure = failure.message
                } else {
                    tally.summary.sent[delivery.tag] += 1
                }
            })
        let partitions = try partitionCount(producer)
        try sendAll(producer, partitions: partitions)
        while !producer.flush(timeoutMilliseconds: 500) {
            if !mayContinue(), !producer.flush(timeoutMilliseconds: 3000) { break }
        }
        return tally.summary
    }

    /// The topic's number of partitions, at least 1. Creates the topic when it is missing.
    private func partitionCount(_ producer: Producer) throws -> Int {
        let count: Int
        do {
            count = try producer.partitionCount(of: settings.topic, timeoutMilliseconds: 10_000)
        } catch let error as KafkaError where error.isUnknownTopic {
            count = try producer.createTopic(
                settings.topic, partitions: settings.newTopicPartitions, timeoutMilliseconds: 10_000
            ).partitions
        }
        // Events are dealt out by the remainder of their number.
        guard count > 0 else {
            throw KafkaError(
                code: Self.unknownTopicOrPartition,
                "the broker reports no partitions for topic \(settings.topic); check the topic, or try again")
        }
        return count
    }

    private func sendAll(_ producer: Producer, partitions: Int) throws {
        var stream = EventStream(
            seed: settings.seed, classes: settings.classes, postcodes: settings.postcodes, unit: settings.unit)
        var bytes: [UInt8] = []
        let begin = monotonicMicroseconds()
        var index = 0
        while index < settings.count ?? Int.max {
            guard index % 256 != 0 || mayContinue() else { return }
            if settings.rate > 0 { guard waitForTurn(index, begin, producer) else { return } }
            let tag = stream.next(clock: clock(of: index), into: &bytes)
            try send(bytes, to: PartitionID(clamping: index % partitions), tag: tag, producer)
            index += 1
            if index % 1024 == 0 { producer.poll(timeoutMilliseconds: 0) }
        }
    }

    /// The time at which event `index` is said to be sent.
    private func clock(of index: Int) -> Int64 {
        guard let start = settings.startMilliseconds else { return wall() }
        if let span = settings.spanMilliseconds, let count = settings.count, count > 0 {
            return start + Int64(Double(span) * (Double(index) / Double(count)))
        }
        return settings.rate > 0 ? start + Int64(Double(index) * 1000 / settings.rate) : start + Int64(index)
    }

    private func waitForTurn(_ index: Int, _ begin: Int64, _ producer: Producer) -> Bool {
        let due = begin + Int64(Double(index) * 1_000_000 / settings.rate)
        while true {
            let wait = due - monotonicMicroseconds()
            if wait < 1000 { return true }
            producer.poll(timeoutMilliseconds: 0)
            pause(min(100, wait / 1000))
            if !mayContinue() { return false }
        }
    }

    private func send(_ bytes: [UInt8], to partition: PartitionID, tag: Int, _ producer: Producer) throws {
        while true {
            do {
                try bytes.withUnsafeBytes {
                    try producer.send(topic: settings.topic, partition: partition, value: $0, tag: tag)
                }
                return
            } catch let error as KafkaError where error.isQueueFull {
                producer.poll(timeoutMilliseconds: 100)
            }
        }
    }
}
