// `pageviews query`: SQL without a prompt.

public import ArgumentParser
internal import Foundation
public import Query
internal import Store

extension OutputFormat: ExpressibleByArgument {}

/// Where the state is and what bounds a statement; shared by `query` and `repl`.
struct ReadingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The state file.", valueName: "file"), completion: .file(extensions: ["db"]))
    var state = "pageviews.db"

    @Option(help: ArgumentHelp("End a statement after this time; 0 for never.", valueName: "duration"))
    var timeout = "30s"

    @Option(help: ArgumentHelp("The most rows of a result; 0 for all. (default: all)", valueName: "n"))
    var maxRows: Int?

    @Option(help: ArgumentHelp("The most memory that SQLite may use; 0 for no limit.", valueName: "size"))
    var memoryLimit = "256MiB"

    /// A session over the state; nothing is opened yet.
    /// - Parameter defaultMaxRows: the limit where the user gave none; nil for all rows.
    func session(
        interrupt: InterruptFlag, defaultMaxRows: Int? = nil, mayLimitMemory: Bool = true,
        warn: @escaping (String) -> Void
    ) throws -> QuerySession {
        var configuration = SessionConfiguration(
            statePath: state, emptySchema: Store.emptySchema,
            wallClock: { Int64(Date().timeIntervalSince1970 * 1000) })
        configuration.interrupt = interrupt
        configuration.limits = try limits(defaultMaxRows: defaultMaxRows)
        if !mayLimitMemory { configuration.limits.memoryBytes = nil }
        return QuerySession(configuration, warn: warn)
    }

    private func limits(defaultMaxRows: Int?) throws -> QueryLimits {
        var limits = QueryLimits()
        limits.timeoutMilliseconds = try Self.milliseconds(timeout, "--timeout").nilIfZero
        guard maxRows ?? 0 >= 0 else { throw ValidationError("--max-rows cannot be negative") }
        limits.maxRows = maxRows.map(\.nilIfZero) ?? defaultMaxRows
        guard let bytes = QueryText.bytes(of: memoryLimit) else {
            throw ValidationError("--memory-limit needs a size such as 64MiB, not \(memoryLimit)")
        }
        limits.memoryBytes = bytes.nilIfZero
        return limits
    }

    static func milliseconds(_ text: String, _ option: String) throws -> Int {
        guard let value = QueryText.milliseconds(of: text) else {
            throw ValidationError("\(option) needs a duration such as 500ms, 30s or 5m, not \(text)")
        }
        return value
    }
}

extension Int {
    fileprivate var nilIfZero: Int? { self == 0 ? nil : self }
}

/// `pageviews query`.
struct QueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Run SQL over the counts, the late events and the rest of a state, and exit.",
        discussion: """
            The SQL comes from the argument, from --file, or from standard input; several statements run in order, up to the \
            first error. Nothing is ever written to the state. Views: postcode_view_count, late_events, rejected_events, \
            partitions, exports, incidents. ago('1 hour') gives a timestamp to compare with.
            Exit codes: 0 done, 1 a statement failed, 2 wrong usage, 3 deadline or interrupt.
            """)

    @Argument(help: "The statements, separated by semicolons.")
    var sql: String?

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Read the statements from a file; - is standard input.", valueName: "file"),
        completion: .file())
    var file: String?

    @OptionGroup var reading: ReadingOptions

    @Option(help: ArgumentHelp("How results are written. (default: table on a terminal, else tsv)"))
    var format: OutputFormat?

    @Flag(name: .customLong("no-header"), help: "Leave out the line of column names.")
    var hasNoHeader = false

    @Option(help: ArgumentHelp("What stands for NULL. (default: nothing in csv and tsv, else NULL)", valueName: "text"))
    var null: String?

    @Option(
        name: .customLong("param"),
        help: ArgumentHelp(
            "Bind a value to :NAME. What is plainly a number is bound as one; 'text' in single quotes stays text.",
            valueName: "name=value"))
    var parameters: [String] = []

    @Option(help: ArgumentHelp("Read settings from a YAML or JSON file.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Run again after each such time, until interrupted.", valueName: "duration"))
    var watch: String?

    func validate() throws {
        if sql != nil, file != nil { throw ValidationError("give the SQL as an argument or with --file, not both") }
    }

    func run() throws {
        let interrupt = ProcessSignals.watch()
        let (out, err) = (Output(descriptor: 1), Output(descriptor: 2))
        let session = try reading.session(interrupt: interrupt) { err.write("\($0)\n") }
        var options = OneShotOptions(sql: try text())
        options.format = format
        options.showsHeader = !hasNoHeader
        options.null = null
        options.parameters = parameters
        options.watchMilliseconds = try watch.map { try ReadingOptions.milliseconds($0, "--watch") }
        guard options.watchMilliseconds ?? 1000 >= 50 else { throw ValidationError("--watch must be 50ms or more") }
        let shot = OneShot(session: session, out: out, err: err) {
            ProcessSignals.wait(milliseconds: $0, unless: interrupt)
        }
        let code = shot.run(options)
        if code != 0 { throw ExitCode(code) }
    }

    private func text() throws -> String {
        if let sql { return sql }
        let name = file ?? "-"
        if file == nil, isatty(0) == 1 {
            throw ValidationError("there is no SQL: give it as an argument or with --file")
        }
        guard
            let data = name == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data() : FileManager.default.contents(atPath: name)
        else { throw ValidationError("cannot read the file \(name)") }
        return String(decoding: data, as: UTF8.self)
    }
}
