// `pageviews query`: runs SQL without a prompt.

import Arguments
import Foundation
import Query
import State

/// The state and the limits of a statement; shared by `query` and `repl`.
struct ReadingOptions: Sendable {
    var state = "pageviews.db"
    /// In milliseconds; 0 for never.
    var timeout = 30_000
    /// 0 for all rows; nil for the command's default.
    var maxRows: Int?
    /// In bytes; 0 for no limit.
    var memoryLimit = 256 << 20

    static let rows: [Option<ReadingOptions>] = [
        .state(\.state, kind: .file(.withExtension("db"))),
        .value("timeout", \.timeout, .statementTime, "duration", "End a statement after this time; 0 for never."),
        .value(
            "max-rows", \.maxRows, .number, "n", "Largest number of rows in a result; 0 for all. (default: all)",
            bounds: .atLeast(0)),
        .value(
            "memory-limit", \.memoryLimit, .memory, "size", "Most memory that SQLite may use; 0 for no limit."),
    ]

    /// Makes a session on the state, without opening the file.
    /// - Parameter defaultMaxRows: the limit where the user gave none; nil for all rows.
    func session(
        interrupt: InterruptFlag, defaultMaxRows: Int? = nil, mayLimitMemory: Bool = true,
        warn: @escaping (String) -> Void
    ) -> QuerySession {
        var configuration = SessionConfiguration(
            statePath: state, emptySchema: Store.emptySchema,
            wallClock: { Int64(Date().timeIntervalSince1970 * 1000) })
        configuration.interrupt = interrupt
        configuration.limits = limits(defaultMaxRows: defaultMaxRows)
        if !mayLimitMemory { configuration.limits.memoryBytes = nil }
        return QuerySession(configuration, warn: warn)
    }

    private func limits(defaultMaxRows: Int?) -> QueryLimits {
        var limits = QueryLimits()
        limits.timeoutMilliseconds = timeout.nilIfZero
        limits.maxRows = maxRows.map(\.nilIfZero) ?? defaultMaxRows
        limits.memoryBytes = memoryLimit.nilIfZero
        return limits
    }
}

/// The output options of results; shared by `query` and `repl`.
struct ResultOptions: Sendable {
    var format: OutputFormat?
    var hasNoHeader = false
    var null: String?
    /// `NAME=VALUE`.
    var parameters: [String] = []

    /// - Parameter parameterHelp: the help text of --param.
    static func rows(parameterHelp: String) -> [Option<ResultOptions>] {
        [
            .value(
                "format", \.format, .choice, "format",
                "Format of results. (default: table on a terminal, else tsv)"),
            .flag("no-header", \.hasNoHeader, "Omit the line of column names."),
            .value(
                "null", \.null, .text, "text",
                "Text for NULL. (default: nothing in csv and tsv, else NULL)"),
            .list("param", \.parameters, .text, "name=value", parameterHelp, ofPairs: true),
        ]
    }
}

extension Int {
    fileprivate var nilIfZero: Int? { self == 0 ? nil : self }
}

/// `pageviews query`.
struct QueryCommand: Sendable {
    static let command = Command(
        "query", abstract: "Run SQL over the counts, the late events and the rest of a state, and exit.",
        discussion: """
            The SQL comes from the argument, from --file, or from standard input; several statements run in order, up to the \
            first error. Nothing is ever written to the state. Views: postcode_view_count, late_events, rejected_events, \
            partitions, exports, incidents. ago('1 hour') gives a timestamp to compare with.
            Exit codes: 0 done, 1 a statement failed, 2 wrong usage, 3 deadline or interrupt.
            """,
        rows: rows, run: { try $0.run() })

    static let rows = Rows(
        QueryCommand(),
        sourceRows + ReadingOptions.rows.lifted(\.reading)
            + ResultOptions.rows(parameterHelp: parameterHelp).lifted(\.results) + lastRows,
        checks: [
            Check("give the SQL as an argument or with --file, not both") { $0.sql == nil || $0.file == nil }
        ])

    private static let parameterHelp =
        "Bind a value to :NAME. A value that reads as a number is bound as one; 'text' in single quotes stays text."

    private static let sourceRows: [Option<QueryCommand>] = [
        .argument("sql", \.sql, .text, "The statements, separated by semicolons."),
        .value(
            "file", \.file, .file(.every), "file", "Read the statements from a file; - is standard input.", short: "f"),
    ]

    private static let lastRows: [Option<QueryCommand>] = [
        .config(\.config),
        .value(
            "watch", \.watch, .statementTime, "duration", "Repeat at this interval until interrupted.",
            bounds: Bounds("must be 50ms or more") { $0 >= 50 }),
    ]

    var sql: String?
    var file: String?
    var reading = ReadingOptions()
    var results = ResultOptions()
    var config: String?
    /// In milliseconds.
    var watch: Int?

    func run() throws {
        let interrupt = ProcessSignals.watch()
        let (out, err) = (Output(descriptor: 1), Output(descriptor: 2))
        let session = reading.session(interrupt: interrupt) { err.write("\($0)\n") }
        var options = OneShotOptions(sql: try text(interrupt))
        options.adopt(results)
        options.watchMilliseconds = watch
        let shot = OneShot(session: session, out: out, err: err, takesEscapes: Terminal.takesEscapes(1)) {
            ProcessSignals.wait(milliseconds: $0, unless: interrupt)
        }
        let code = shot.run(options)
        if code != 0 { throw ExitCode(code) }
    }

    private func text(_ interrupt: InterruptFlag) throws -> String {
        if let sql { return sql }
        if file == nil, isatty(0) == 1 {
            throw UsageError("there is no SQL: give it as an argument or with --file")
        }
        let path = file == "-" ? nil : file
        do throws(InputFailure) {
            return try InputFile.text(of: path, unless: interrupt)
        } catch {
            let text = error.text(of: path ?? "the standard input")
            throw error == .interrupted ? Failure(text, exitCode: 3) : UsageError(text)
        }
    }
}

extension OneShotOptions {
    fileprivate mutating func adopt(_ results: ResultOptions) {
        format = results.format
        showsHeader = !results.hasNoHeader
        null = results.null
        parameters = results.parameters
    }
}
