// `pageviews generate`: sends test events to Kafka.

import Base
import Arguments
import Dispatch
import Foundation
import Generator
import Ingest
import Kafka
import Services

/// Lateness mixes such as `80:20s,10:1d,10:2d`.
enum Lateness {
    /// The reference mix: 80 % up to 20 s late, 10 % up to one day, 10 % up to two days.
    static let reference = [(80, 20_000), (10, 86_400_000), (10, 172_800_000)].map {
        LatenessClass(weight: $0.0, latestMilliseconds: $0.1)
    }

    static let kind = ValueKind<[LatenessClass]>(read: read) { classes in
        classes.map { "\($0.weight):\(Quantity.durations.write($0.latestMilliseconds))" }.joined(separator: ",")
    }

    private static func read(_ text: String) -> [LatenessClass]? {
        var classes: [LatenessClass] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: ":", omittingEmptySubsequences: false)
            guard pieces.count == 2, let weight = Int(pieces[0]), (0...1_000_000).contains(weight),
                let latest = Quantity.durations.read(String(pieces[1]))
            else { return nil }
            classes.append(LatenessClass(weight: weight, latestMilliseconds: latest))
        }
        return classes.contains { $0.weight > 0 } ? classes : nil
    }
}

struct GenerateCommand: Sendable {
    static let command = Command(
        "generate", abstract: "Send page-view events to Kafka, some of them late.",
        discussion: """
            With --seed and --start-time the stream is the same every time. Ends with a summary of the events that the \
            broker acknowledged, per lateness class. A missing topic is created.
            """,
        rows: rows, run: { try await $0.run() })

    static let rows = Rows(
        GenerateCommand(),
        KafkaOptions.rows.lifted(\.kafka) + ownRows + GlobalOptions.rows.lifted(\.global),
        checks: [Check("span", "needs --count") { $0.settings.spanMilliseconds == nil || $0.settings.count != nil }])

    private static let ownRows: [Option<GenerateCommand>] = [
        .value(
            "rate", \.settings.rate, .number, "n", "Events per second; 0 for as fast as possible.",
            bounds: Bounds("must be from 0 to 10000000") { (0...10_000_000).contains($0) }),
        .value(
            "count", \.settings.count, .number, "n", "Number of events. (default: no limit)", bounds: .atLeast(0)),
        .value("seed", \.seed, .number, "n", "Random seed, for a reproducible stream. (default: random)"),
        .value(
            "lateness", \.settings.classes, Lateness.kind, "weight:duration,...",
            "Shares of events with their greatest lateness."),
        .value(
            "postcodes", \.settings.postcodes, .number, "n", "Number of different postcodes.",
            bounds: .from(1...1_000_000)),
        .value("time-unit", \.settings.unit, .choice, "time-unit", "Unit of the timestamps sent."),
        .value(
            "start-time", \.settings.startMilliseconds, .moment, "time",
            "Time of the first event, ISO 8601. (default: the wall clock)"),
        .value(
            "span", \.settings.spanMilliseconds, .duration, "duration",
            "Spread the times of --count events over this duration. (default: follow the rate)"),
        .value(
            "new-topic-partitions", \.settings.newTopicPartitions, .number, "n",
            "Number of partitions when the topic must be created.", bounds: .from(1...10_000)),
    ]

    var kafka = KafkaOptions()
    /// Kafka settings, topic and seed are filled in from the other fields.
    var settings = GeneratorSettings(
        kafka: [], topic: "", seed: 0, classes: Lateness.reference, postcodes: 2000)
    /// nil for a random seed.
    var seed: UInt64?
    var global = GlobalOptions()

    func run() async throws {
        let settings = settings(now: TimeSource.system.wall())
        let stop = StopSignal()
        let result = Lock<GeneratorSummary?>(nil)
        let service = ThreadService(name: "generate", stop: stop) {
            let summary = try Self.sender(settings, stop).run()
            result.withLock { $0 = summary }
        }
        do {
            try await ServiceGroup.run { [service] }
        } catch let error as KafkaError where error.isConnection {
            throw Failure(
                "cannot reach Kafka at \(kafka.brokers.bootstrapServers): \(error.message); is it running, and is "
                    + "--bootstrap-servers right?", exitCode: 4)
        }
        guard let summary = result.withLock({ $0 }) else { return }
        StandardStream.error.write(Self.text(summary, settings))
        if summary.failed > 0 { throw ExitCode(summary.sent.reduce(0, +) == 0 ? 4 : 1) }
    }

    /// The sender's settings, completed from the other fields and the clock.
    func settings(now: Int64) -> GeneratorSettings {
        var settings = settings
        (settings.kafka, settings.topic) = (kafka.settings(), kafka.topic)
        settings.seed = seed ?? UInt64.random(in: .min ... .max)
        settings.startMilliseconds = settings.startMilliseconds ?? settings.spanMilliseconds.map { now - $0 }
        return settings
    }

    static func sender(_ settings: GeneratorSettings, _ stop: StopSignal) -> EventSender {
        EventSender(
            settings: settings, wall: TimeSource.system.wall,
            monotonicMicroseconds: { Int64(DispatchTime.now().uptimeNanoseconds / 1000) },
            pause: { stop.wait(milliseconds: $0) }, mayContinue: { !stop.wasSet })
    }

    /// The summary, with one line per lateness class.
    static func text(_ summary: GeneratorSummary, _ settings: GeneratorSettings) -> String {
        var text = "sent \(summary.sent.reduce(0, +)) events to topic \(settings.topic) (seed \(settings.seed))\n"
        for (index, kind) in settings.classes.enumerated() {
            let latest = Quantity.durations.write(kind.latestMilliseconds)
            text += "  up to \(latest) late: \(summary.sent[index])\n"
        }
        if summary.failed > 0 {
            text += "  not acknowledged by Kafka: \(summary.failed) (\(summary.lastFailure ?? ""))\n"
        }
        return text
    }
}
