// `pageviews demo`: broker, generator, service and a table of counts in one process and one temporary folder.

internal import Base
internal import ArgumentParser
internal import Foundation
internal import Generator
internal import Ingest
internal import Kafka
internal import Log
internal import Query
internal import Services
internal import Store
internal import Windowing

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the whole pipeline in one process; nothing else is needed.",
        discussion: """
            An in-process broker, a generator, the ingest service with export to a local warehouse, and the prompt, where \
            \\q ends the demo; without a terminal (or with --table) a table of the busiest postcodes, which Ctrl-C ends. \
            Everything is kept in a temporary folder, whose name is printed first.
            """)

    @Option(help: ArgumentHelp("Events per second.", valueName: "n"))
    var rate = 50.0

    @Option(help: ArgumentHelp("How many events. (default: no end)", valueName: "n"))
    var count: Int?

    @Option(help: ArgumentHelp("Makes the stream reproducible. (default: random)", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("How many different postcodes.", valueName: "n"))
    var postcodes = 200

    @Option(
        help: ArgumentHelp("How often the table is shown anew.", valueName: "duration"))
    var refresh = DurationArgument(milliseconds: 2000)

    @Option(
        help: ArgumentHelp("The time between exports to the folder's warehouse.", valueName: "duration"))
    var exportInterval = DurationArgument(milliseconds: 10_000)

    @OptionGroup var web: WebOptions

    @Flag(help: "Show a table of the busiest postcodes instead of the prompt.")
    var table = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard rate > 0, rate <= 100_000 else { throw ValidationError("--rate must be above 0 and up to 100000") }
        guard (100...3_600_000).contains(refresh.milliseconds) else {
            throw ValidationError("--refresh must be from 100ms to 1h")
        }
    }

    private static let topic = "pageviews"

    func run() async throws {
        let folder = try Self.makeFolder()
        let state = folder.appendingPathComponent("pageviews.db").path
        let broker = try InProcessBroker()
        try broker.createTopic(Self.topic, partitions: 4)
        Self.say(
            """
            pageviews demo: \(Self.number(rate)) events per second through an in-process broker (\(broker.bootstrapServers))
            state: \(state)
            ask it from another terminal: pageviews query --state \(state) "SELECT * FROM partitions"
            \(isInteractive ? "\\q" : "Ctrl-C") ends the demo; the folder stays.

            """)
        var log = global.logger
        log.logLevel = max(log.logLevel, .warning)
        // Sender and table follow the service: they stop with it.
        let services: [any Service] =
            try [
                generatorService(broker.bootstrapServers),
                isInteractive ? promptService(state, broker.bootstrapServers) : tableService(state),
            ] + pipeline(state, broker.bootstrapServers, log).services()
        // At the prompt Ctrl-C belongs to the prompt.
        try await ServiceGroup.run(signals: isInteractive ? [] : ServiceGroup.stopSignals) { services }
        Self.say("\ndemo ended; the counts are in \(state)\n")
        withExtendedLifetime(broker) {}
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : String(value)
    }

    private static func say(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
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
            name: .late, topic: "pageviews-late-events", kafka: [("bootstrap.servers", servers)],
            bootstrapServers: servers)
        return Pipeline(
            ingest: settings, export: try export(state), web: web, outboxes: [late], holder: "pageviews demo", log: log)
    }

    private func export(_ state: String) throws -> ExportOptions {
        let warehouse = URL(fileURLWithPath: state).deletingLastPathComponent().appendingPathComponent("warehouse").path
        return try ExportOptions.parse([
            "--warehouse", "file://\(warehouse)", "--export-interval", exportInterval.defaultValueDescription,
        ])
    }

    private func generatorService(_ servers: String) -> ThreadService {
        var settings = GeneratorSettings(
            kafka: [("bootstrap.servers", servers)], topic: Self.topic,
            seed: seed ?? UInt64.random(in: .min ... .max), classes: LatenessArgument().classes, postcodes: postcodes)
        settings.rate = rate
        settings.count = count
        let stop = StopSignal()
        return ThreadService(name: "generate", stop: stop) { [settings] in
            _ = try GenerateCommand.sender(settings, stop).run()
            // The table stays when all events were sent.
            while !stop.wait(milliseconds: 1000) {}
        }
    }

    /// A person is at the terminal: the demo ends in the prompt.
    private var isInteractive: Bool { isatty(0) == 1 && isatty(1) == 1 && !table }

    private func promptService(_ state: String, _ servers: String) throws -> ThreadService {
        let domain = PipelineCommands(
            state: state, kafka: try KafkaOptions.parse(["--bootstrap-servers", servers]), group: "pageviews",
            export: try export(state))
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
        let interval = refresh.milliseconds
        return ThreadService(name: "table", stop: stop) {
            while !FileManager.default.fileExists(atPath: state), !stop.wait(milliseconds: 20) {}
            DemoTable(state: state).show(every: interval, until: stop)
        }
    }
}

/// The busiest postcodes of the latest windows, shown again and again.
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
        // Before the first flush there is nothing to see, which is no reason to warn here.
        let session = QuerySession(configuration) { _ in }
        var options = OneShotOptions(sql: Self.statement)
        options.format = .table
        options.watchMilliseconds = Int(milliseconds)
        let shot = OneShot(session: session, out: out, err: err) { pause in
            if stop.wait(milliseconds: Int64(pause)) { interrupt.raise() }
        }
        _ = shot.run(options)
    }
}
