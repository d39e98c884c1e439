// `pageviews demo`: broker, generator, service and a table of counts in one process and one temporary folder.

import Export
import Base
import Arguments
import Foundation
import Generator
import Ingest
import Kafka
import Log
import Query
import Services
import State
import Windowing

struct DemoCommand: Sendable {
    static let command = Command(
        "demo", abstract: "Run the whole pipeline in one process; nothing else is needed.",
        discussion: """
            An in-process broker, a generator, the ingest service with export to a local warehouse, and the prompt, where \
            \\q ends the demo; without a terminal (or with --table) a table of the busiest postcodes, which Ctrl-C ends. \
            Everything is kept in a temporary folder, whose name is printed first.
            """,
        rows: rows,
        secrets: WebOptions.secrets, run: { try await $0.run() })

    static let rows = Rows(
        DemoCommand(),
        ownRows + WebOptions.rows.lifted(\.web)
            + [tableRow]
            + GlobalOptions.rows.lifted(\.global))

    private static let tableRow = Option<DemoCommand>.flag(
        "table", \.table, "Show a table of the busiest postcodes instead of the prompt.")

    private static let ownRows: [Option<DemoCommand>] = [
        .value(
            "rate", \.rate, .number, "n", "Events per second.",
            bounds: Bounds("must be above 0 and up to 100000") { $0 > 0 && $0 <= 100_000 }),
        .value("count", \.count, .number, "n", "Number of events. (default: no limit)"),
        .value("seed", \.seed, .number, "n", "Random seed, for a reproducible stream. (default: random)"),
        .value("postcodes", \.postcodes, .number, "n", "Number of different postcodes."),
        .value(
            "refresh", \.refresh, .duration, "duration", "Refresh interval of the table.",
            bounds: .from(100...3_600_000, .duration)),
        .value(
            "export-interval", \.exportInterval, .duration, "duration",
            "The time between exports to the folder's warehouse.", bounds: .from(100...86_400_000, .duration)),
    ]

    var rate = 50.0
    var count: Int?
    var seed: UInt64?
    var postcodes = 200
    /// In milliseconds, as all durations here.
    var refresh: Int64 = 2000
    var exportInterval: Int64 = 10_000
    var web = WebOptions()
    var table = false
    var global = GlobalOptions()

    private static let topic = "pageviews"
    private static let lateTopic = "pageviews-late-events"

    func run() async throws {
        let folder = try Self.makeFolder()
        let state = folder.appendingPathComponent("pageviews.db").path
        let broker = try InProcessBroker()
        // The in-process broker answers no requests to create topics.
        for topic in [Self.topic, Self.lateTopic] { try broker.createTopic(topic, partitions: 4) }
        StandardStream.error.write(
            """
            pageviews demo: \(Self.number(rate)) events per second through an in-process broker (\(broker.bootstrapServers))
            state: \(state)
            from another terminal: pageviews repl --state \(state)
            \(isInteractive ? "\\q" : "Ctrl-C") ends the demo and keeps the folder.

            """)
        var log = global.logger
        log.logLevel = max(log.logLevel, .warning)
        // The generator, and the prompt or the table, stop when the service stops.
        let services: [any Service] =
            try await [
                generatorService(broker.bootstrapServers),
                isInteractive ? promptService(state, broker.bootstrapServers) : tableService(state),
            ] + pipeline(state, broker.bootstrapServers, log).services()
        // At the prompt Ctrl-C belongs to the prompt.
        try await ServiceGroup.run(signals: isInteractive ? [] : ServiceGroup.stopSignals) { services }
        StandardStream.error.write("\ndemo ended; the counts are in \(state)\n")
        withExtendedLifetime(broker) {}
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(value)
    }

    private static func makeFolder() throws -> URL {
        let id = String(UInt64.random(in: .min ... .max), radix: 36)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pageviews-demo-\(id)")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        } catch {
            throw Failure("cannot create the folder \(folder.path): \(error.localizedDescription)", exitCode: 1)
        }
        return folder
    }

    private func pipeline(_ state: String, _ servers: String, _ log: Logger) throws -> Pipeline {
        let settings = IngestSettings(
            kafka: [("bootstrap.servers", servers), ("group.id", "pageviews")], bootstrapServers: servers,
            topic: Self.topic, statePath: state, windows: try WindowSettings())
        let late = OutboxSettings(
            name: .late, topic: Self.lateTopic, kafka: [("bootstrap.servers", servers)],
            bootstrapServers: servers)
        return Pipeline(
            ingest: settings, export: export(state), web: web, outboxes: [late], holder: "pageviews demo", log: log)
    }

    private func export(_ state: String) -> ExportOptions {
        let warehouse = URL(fileURLWithPath: state).deletingLastPathComponent().appendingPathComponent("warehouse").path
        var export = ExportOptions()
        export.warehouse = "file://\(warehouse)"
        export.exporter.intervalMilliseconds = exportInterval
        return export
    }

    private func generatorService(_ servers: String) -> ThreadService {
        var settings = GeneratorSettings(
            kafka: [("bootstrap.servers", servers)], topic: Self.topic,
            seed: seed ?? UInt64.random(in: .min ... .max), classes: Lateness.reference, postcodes: postcodes)
        settings.rate = rate
        settings.count = count
        let stop = StopSignal()
        return ThreadService(name: "generate", stop: stop) { [settings] in
            _ = try GenerateCommand.sender(settings, stop).run()
            // The table stays on the screen after the last event has been sent.
            while !stop.wait(milliseconds: 1000) {}
        }
    }

    /// Standard input and output are a terminal, so the demo offers the prompt.
    private var isInteractive: Bool { isatty(0) == 1 && isatty(1) == 1 && !table }

    private func promptService(_ state: String, _ servers: String) -> ThreadService {
        var brokers = BrokerOptions()
        brokers.bootstrapServers = servers
        let domain = PipelineCommands(state: state, brokers: brokers, group: "pageviews", export: export(state))
        return ThreadService(name: "prompt", stop: StopSignal()) {
            while !FileManager.default.fileExists(atPath: state) { usleep(20_000) }
            var configuration = SessionConfiguration(
                statePath: state, emptySchema: Store.emptySchema, wallClock: TimeSource.system.wall)
            configuration.interrupt = ProcessSignals.watch()
            configuration.limits.memoryBytes = nil
            let session = QuerySession(configuration) { _ in }
            var options = ReplOptions()
            options.adopt(environment: ProcessInfo.processInfo.environment)
            _ = Repl(
                session: session, options: options, domain: domain, wallClock: TimeSource.system.wall
            ).run()
        }
    }

    private func tableService(_ state: String) -> ThreadService {
        let stop = StopSignal()
        let interval = refresh
        return ThreadService(name: "table", stop: stop) {
            while !FileManager.default.fileExists(atPath: state), !stop.wait(milliseconds: 20) {}
            DemoTable(state: state).show(every: interval, until: stop)
        }
    }
}

/// Prints the busiest postcodes at an interval.
private struct DemoTable {
    let state: String

    private static let statement = """
        SELECT postcode, sum(count) AS views, max(timestamp) AS latest_window
        FROM postcode_view_count GROUP BY postcode ORDER BY views DESC, postcode LIMIT 10;
        SELECT sum(counted) AS counted, sum(late) AS late, sum(rejected) AS rejected, sum(lag) AS lag FROM partitions
        """

    func show(every milliseconds: Int64, until stop: StopSignal) {
        let interrupt = InterruptFlag()
        var configuration = SessionConfiguration(
            statePath: state, emptySchema: Store.emptySchema, wallClock: TimeSource.system.wall)
        configuration.interrupt = interrupt
        let (out, err) = (Output(descriptor: 1), Output(descriptor: 2))
        // The state is empty before the first flush; a warning about that would only confuse.
        let session = QuerySession(configuration) { _ in }
        var options = OneShotOptions(sql: Self.statement)
        options.format = .table
        options.watchMilliseconds = Int(milliseconds)
        let shot = OneShot(session: session, out: out, err: err, takesEscapes: Terminal.takesEscapes(1)) { pause in
            if stop.wait(milliseconds: Int64(pause)) { interrupt.raise() }
        }
        _ = shot.run(options)
    }
}
