// `pageviews ingest`: the service.

internal import ArgumentParser
internal import Foundation
internal import Ingest
internal import Services
internal import Store
internal import Windowing

/// What to do when Kafka no longer has the next offset.
enum MissingOffsets: String, CaseIterable, ExpressibleByArgument {
    case stop, skip
}

struct IngestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest",
        abstract: "Count page views from Kafka into a state that SQL can ask; runs until it is stopped.",
        discussion: """
            SIGTERM and SIGINT write what was consumed and exit 0. The state may be queried by other processes at any time.
            """)

    @OptionGroup var kafka: KafkaOptions

    @Option(help: ArgumentHelp("The group whose offsets are committed, for lag tools.", valueName: "name"))
    var group = "pageviews"

    @Option(
        help: ArgumentHelp("Late events are published to this topic, each once; off for not at all.", valueName: "name")
    )
    var lateTopic = "pageviews-late-events"

    @Option(
        help: ArgumentHelp(
            "Whole rejected messages are published to this topic. (default: only an excerpt is kept)", valueName: "name"
        ))
    var rejectedTopic: String?

    @Option(help: ArgumentHelp("The partitions to read, for example 0-3,7.", valueName: "list"))
    var partitions = PartitionsArgument()

    @Option(help: ArgumentHelp("The state file; created when it is missing.", valueName: "file"))
    var state = "pageviews.db"

    @OptionGroup var windows: WindowOptions

    @Option(
        help: ArgumentHelp("The longest time until a record is visible.", valueName: "duration"))
    var flushInterval = DurationArgument(milliseconds: 200)

    @Option(help: "What to do when Kafka no longer has the next offset: stop, or record the loss and go on.")
    var onMissingOffsets = MissingOffsets.stop

    @Flag(help: "End when every partition's end has been reached and everything is written.")
    var exitAtEnd = false

    @Option(
        help: ArgumentHelp(
            "Exported counts of windows older than this leave the state, but never before their events can only be late.",
            valueName: "duration"))
    var retention = DurationArgument(milliseconds: 7 * 86_400_000)

    @Option(
        help: ArgumentHelp(
            "Add late events to their counts this often, checked against the raw table. (default: only `backfill` does)",
            valueName: "duration"))
    var backfillEvery: DurationArgument?

    @OptionGroup var web: WebOptions

    @OptionGroup(title: "Export") var export: ExportOptions

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (10...60_000).contains(flushInterval.milliseconds) else {
            throw ValidationError("--flush-interval must be from 10ms to 60s")
        }
        guard retention.milliseconds <= WindowSettings.longestMilliseconds else {
            throw ValidationError("--retention must be at most 3650d")
        }
        if let every = backfillEvery {
            guard (100...WindowSettings.longestMilliseconds).contains(every.milliseconds) else {
                throw ValidationError("--backfill-every must be from 100ms to 3650d")
            }
            guard export.warehouse != nil else { throw ValidationError("--backfill-every needs --warehouse") }
        }
    }

    func run() async throws {
        let log = global.logger
        var pipeline = Pipeline(
            ingest: try settings(), export: export, web: web, outboxes: outboxes, holder: "pageviews ingest", log: log)
        pipeline.retentionMilliseconds = retention.milliseconds
        pipeline.backfillMilliseconds = backfillEvery?.milliseconds
        do {
            try await ServiceGroup.run(stop: pipeline.stop) { [pipeline] in try pipeline.services() }
        } catch {
            throw global.reported(error)
        }
    }

    private var outboxes: [OutboxSettings] {
        var outboxes: [OutboxSettings] = []
        if lateTopic != "off" { outboxes.append(outbox(.late, lateTopic)) }
        if let rejectedTopic { outboxes.append(outbox(.rejected, rejectedTopic)) }
        return outboxes
    }

    private func outbox(_ name: OutboxName, _ topic: String) -> OutboxSettings {
        OutboxSettings(
            name: name, topic: topic, kafka: kafka.settings(), bootstrapServers: kafka.brokers.bootstrapServers)
    }

    /// The service's settings.
    /// - Throws: `WindowSettings.OutOfBounds`.
    func settings() throws -> IngestSettings {
        var settings = IngestSettings(
            kafka: kafka.settings(group: group), bootstrapServers: kafka.brokers.bootstrapServers, topic: kafka.topic,
            statePath: state, windows: try windows.settings())
        settings.partitions = partitions.partitions
        settings.flushIntervalMilliseconds = flushInterval.milliseconds
        settings.skipsMissingOffsets = onMissingOffsets == .skip
        settings.exitsAtEnd = exitAtEnd
        settings.keepsRejected = rejectedTopic != nil
        return settings
    }
}
