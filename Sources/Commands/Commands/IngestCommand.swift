// `pageviews ingest`: runs the service.

import Arguments
import Base
import Foundation
import Ingest
import Log
import Services
import State
import Windowing

/// The reactions to a next offset that Kafka no longer has.
enum MissingOffsets: String, CaseIterable, Sendable {
    case stop, skip
}

struct IngestCommand: Sendable {
    static let command = Command(
        "ingest", abstract: "Count page views from Kafka into a state that SQL can query; run until stopped.",
        discussion: """
            On SIGTERM or SIGINT the service writes what it has consumed and exits 0. Other processes may query the state at any time.
            """,
        rows: rows,
        secrets: ExportOptions.secrets + WebOptions.secrets, run: { try await $0.run() })

    static let rows = Rows(
        IngestCommand(),
        KafkaOptions.rows.lifted(\.kafka) + countingRows + WindowOptions.rows.lifted(\.windows) + runningRows
            + WebOptions.rows.lifted(\.web) + ExportOptions.rows.lifted(\.export, group: ExportOptions.group)
            + GlobalOptions.rows.lifted(\.global),
        checks: [
            WindowOptions.check.lifted(\.windows), ExportOptions.check.lifted(\.export),
            Check("late-topic", "must be another topic than --topic: what is published there would be read again") {
                $0.lateTopic != $0.kafka.topic
            },
            Check("rejected-topic", "must be another topic than --topic: what is published there would be read again") {
                $0.rejectedTopic != $0.kafka.topic
            },
            Check("backfill-every", "needs --warehouse") { $0.backfillEvery == nil || $0.export.warehouse != nil },
        ])

    private static let countingRows: [Option<IngestCommand>] = [
        .value("group", \.group, .text, "name", "Consumer group to commit offsets to, for lag tools."),
        .value(
            "late-topic", \.lateTopic, .text, "name",
            "Topic to publish late events to, each once; off disables it."),
        .value(
            "rejected-topic", \.rejectedTopic, .text, "name",
            "Topic to publish whole rejected messages to. (default: keep only an excerpt)"),
        .value("partitions", \.partitions, Partitions.kind, "list", "The partitions to read, for example 0-3,7."),
        .state(\.state, "The state file; created when it is missing."),
    ]

    private static let runningRows: [Option<IngestCommand>] = [
        .value(
            "flush-interval", \.flushInterval, .duration, "duration", "Longest time until a record is visible.",
            bounds: .from(10...60_000, .duration)),
        .value(
            "on-missing-offsets", \.onMissingOffsets, .choice, "on-missing-offsets",
            "Action when Kafka no longer has the next offset: stop, or record the loss and continue."),
        .flag(
            "exit-at-end", \.exitAtEnd,
            "Exit when all partitions are read to the end and everything is written; exit 4 after a minute without Kafka."
        ),
        .value(
            "retention", \.retention, .duration, "duration",
            "Remove exported counts of windows older than this from the state, once their events can only be late.",
            bounds: Bounds("must be at most 3650d") { $0 <= WindowSettings.longestMilliseconds }),
        .value(
            "backfill-every", \.backfillEvery, .duration, "duration",
            "Add late events to their counts at this interval, checked against the raw table. (default: only `backfill` does)",
            bounds: .from(100...WindowSettings.longestMilliseconds, .duration)),
    ]

    var kafka = KafkaOptions()
    var group = "pageviews"
    var lateTopic = "pageviews-late-events"
    var rejectedTopic: String?
    var partitions: Set<PartitionID>?
    var state = "pageviews.db"
    var windows = WindowOptions()
    /// In milliseconds, as all durations here.
    var flushInterval: Int64 = 200
    var onMissingOffsets = MissingOffsets.stop
    var exitAtEnd = false
    var retention: Int64 = 7 * 86_400_000
    var backfillEvery: Int64?
    var web = WebOptions()
    var export = ExportOptions()
    var global = GlobalOptions()

    func run() async throws {
        let log = global.logger
        let assembly = ExportAssembly(options: export, environment: ProcessInfo.processInfo.environment)
        let warnings =
            Pageviews.libraryWarnings + assembly.plainTextWarnings + [kafka.brokers.plainTextWarning].compactMap { $0 }
        for warning in warnings { log.warning("\(warning)") }
        var pipeline = Pipeline(
            ingest: try settings(), export: export, web: web, outboxes: outboxes, holder: "pageviews ingest", log: log)
        pipeline.retentionMilliseconds = retention
        pipeline.backfillMilliseconds = backfillEvery
        do {
            try await ServiceGroup.run(stop: pipeline.stop) { [pipeline] in try await pipeline.services() }
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
        settings.partitions = partitions
        settings.flushIntervalMilliseconds = flushInterval
        settings.skipsMissingOffsets = onMissingOffsets == .skip
        settings.exitsAtEnd = exitAtEnd
        settings.keepsRejected = rejectedTopic != nil
        return settings
    }
}
