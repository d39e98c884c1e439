// `pageviews generate`: events to try things with.

internal import Base
public import ArgumentParser
internal import Dispatch
internal import Foundation
public import Generator
internal import Ingest
internal import Kafka
internal import Services
internal import Synchronization

extension TimeUnit: ExpressibleByArgument {}

/// A lateness mix such as `80:20s,10:1d,10:2d`.
struct LatenessArgument: ExpressibleByArgument {
    let classes: [LatenessClass]
    let defaultValueDescription: String

    init?(argument: String) {
        var classes: [LatenessClass] = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: ":", omittingEmptySubsequences: false)
            guard pieces.count == 2, let weight = Int(pieces[0]), (0...1_000_000).contains(weight),
                let latest = DurationArgument(argument: String(pieces[1]))
            else { return nil }
            classes.append(LatenessClass(weight: weight, latestMilliseconds: latest.milliseconds))
        }
        guard classes.contains(where: { $0.weight > 0 }) else { return nil }
        self.classes = classes
        defaultValueDescription = argument
    }

    /// The mix of the reference: 80 % up to 20 s late, 10 % up to a day, 10 % up to two days.
    init() {
        classes = [(80, 20_000), (10, 86_400_000), (10, 172_800_000)].map {
            LatenessClass(weight: $0.0, latestMilliseconds: $0.1)
        }
        defaultValueDescription = "80:20s,10:1d,10:2d"
    }
}

/// A moment such as `2021-01-26T12:04:44Z`.
struct MomentArgument: ExpressibleByArgument {
    let milliseconds: Int64

    init?(argument: String) {
        guard let date = try? Date(argument, strategy: .iso8601) else { return nil }
        milliseconds = Int64(date.timeIntervalSince1970 * 1000)
    }
}

struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Send page-view events to Kafka, some of them late.",
        discussion: """
            With --seed and --start-time the stream is the same every time. Ends with a summary of what the broker took, per \
            lateness class. A topic that is missing is created.
            """)

    @OptionGroup var kafka: KafkaOptions

    @Option(help: ArgumentHelp("Events per second; 0 is as fast as it goes.", valueName: "n"))
    var rate = 10.0

    @Option(help: ArgumentHelp("How many events. (default: no end)", valueName: "n"))
    var count: Int?

    @Option(help: ArgumentHelp("Makes the stream reproducible. (default: random)", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Shares of events with their greatest lateness.", valueName: "weight:duration,..."))
    var lateness = LatenessArgument()

    @Option(help: ArgumentHelp("How many different postcodes.", valueName: "n"))
    var postcodes = 2000

    @Option(help: "Unit of the timestamps sent.")
    var timeUnit = TimeUnit.s

    @Option(
        help: ArgumentHelp("The clock of the first event, ISO 8601. (default: the wall clock)", valueName: "time"))
    var startTime: MomentArgument?

    @Option(
        help: ArgumentHelp(
            "Spread the clocks of --count events over this long. (default: follow the rate)", valueName: "duration"))
    var span: DurationArgument?

    @Option(help: ArgumentHelp("Partitions of a topic that has to be created.", valueName: "n"))
    var newTopicPartitions = 4

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard rate >= 0, rate <= 10_000_000 else { throw ValidationError("--rate must be from 0 to 10000000") }
        guard count ?? 0 >= 0 else { throw ValidationError("--count cannot be negative") }
        guard (1...1_000_000).contains(postcodes) else {
            throw ValidationError("--postcodes must be from 1 to 1000000")
        }
        guard (1...10_000).contains(newTopicPartitions) else {
            throw ValidationError("--new-topic-partitions must be from 1 to 10000")
        }
        guard span == nil || count != nil else { throw ValidationError("--span needs --count") }
    }

    func run() async throws {
        let settings = settings(now: TimeSource.system.wall())
        let stop = StopSignal()
        let result = Mutex<GeneratorSummary?>(nil)
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
        FileHandle.standardError.write(Data(Self.text(summary, settings).utf8))
        if summary.failed > 0 { throw ExitCode(summary.sent.reduce(0, +) == 0 ? 4 : 1) }
    }

    /// The sender's settings.
    func settings(now: Int64) -> GeneratorSettings {
        var settings = GeneratorSettings(
            kafka: kafka.settings(), topic: kafka.topic, seed: seed ?? UInt64.random(in: .min ... .max),
            classes: lateness.classes, postcodes: postcodes)
        settings.rate = rate
        settings.count = count
        settings.unit = timeUnit
        settings.newTopicPartitions = newTopicPartitions
        settings.startMilliseconds = startTime?.milliseconds ?? span.map { now - $0.milliseconds }
        settings.spanMilliseconds = span?.milliseconds
        return settings
    }

    static func sender(_ settings: GeneratorSettings, _ stop: StopSignal) -> EventSender {
        EventSender(
            settings: settings, wall: TimeSource.system.wall,
            monotonicMicroseconds: { Int64(DispatchTime.now().uptimeNanoseconds / 1000) },
            pause: { stop.wait(milliseconds: $0) }, mayContinue: { !stop.wasSet })
    }

    /// The summary, a line a lateness class.
    static func text(_ summary: GeneratorSummary, _ settings: GeneratorSettings) -> String {
        var text = "sent \(summary.sent.reduce(0, +)) events to topic \(settings.topic) (seed \(settings.seed))\n"
        for (index, kind) in settings.classes.enumerated() {
            let latest = DurationArgument(milliseconds: kind.latestMilliseconds).defaultValueDescription
            text += "  up to \(latest) late: \(summary.sent[index])\n"
        }
        if summary.failed > 0 { text += "  not taken by Kafka: \(summary.failed) (\(summary.lastFailure ?? ""))\n" }
        return text
    }
}
