// `pageviews repl`: runs SQL at a prompt.

import Arguments
import Foundation
import Query

/// `pageviews repl`.
struct ReplCommand: Sendable {
    static let command = Command(
        "repl", abstract: "Query live counts and late events with SQL at a prompt.",
        discussion: """
            With -c, --file, or standard input that is no terminal, the statements and commands given there run without a \
            prompt, up to the first error (exit 1). At the prompt \\? lists the commands. Nothing is ever written to the state.
            Only \\topic needs Kafka, and only \\proof the warehouse: it takes --warehouse and all options of `pageviews proof` \
            that describe one, also from the environment and --config.
            Files: ~/.pageviews_history, ~/.pageviews_queries, ~/.pageviewsrc. Environment: PAGER, VISUAL or EDITOR, NO_COLOR.
            """,
        rows: rows, secrets: ExportOptions.secrets, run: { try $0.run() })

    static let rows = Rows(
        ReplCommand(),
        scriptRows + ReadingOptions.rows.lifted(\.reading)
            + ResultOptions.rows(parameterHelp: "Bind a value to :NAME.").lifted(\.results) + promptRows
            + KafkaOptions.rows.lifted(\.kafka, group: "Kafka, for \\topic") + [groupRow]
            // The options of `proof`; hidden, because they would fill the help page.
            + ExportOptions.rows.lifted(\.export, isHidden: true),
        checks: [
            ExportOptions.check.lifted(\.export),
            Check("give the script with -c or with --file, not both") { $0.commands.isEmpty || $0.file == nil },
        ])

    private static let groupRow = Option<ReplCommand>.value(
        "group", \.group, .text, "name", "The group whose lag \\topic lists.")

    private static let promptRows: [Option<ReplCommand>] = [
        .config(\.config), .flag("no-pager", \.hasNoPager, "Never show long results with a pager."),
    ]

    private static let scriptRows: [Option<ReplCommand>] = [
        .list("command", \.commands, .text, "sql", "Run these statements and commands, then exit.", short: "c"),
        .value(
            "file", \.file, .file(.every), "file", "Run a file of statements and commands, then exit.", short: "f"),
        .flag("keep-going", \.keepGoing, "Continue a script after an error; the exit code is still 1."),
    ]

    var commands: [String] = []
    var file: String?
    var keepGoing = false
    var reading = ReadingOptions()
    var results = ResultOptions()
    var config: String?
    var hasNoPager = false
    var kafka = KafkaOptions()
    var group = "pageviews"
    var export = ExportOptions()

    func run() throws {
        let interrupt = ProcessSignals.watch()
        let session = reading.session(interrupt: interrupt) {
            StandardStream.error.write("\($0)\n")
        }
        let domain = PipelineCommands(state: reading.state, brokers: kafka.brokers, group: group, export: export)
        let code = Repl(
            session: session, options: try options(), domain: domain,
            wallClock: { Int64(Date().timeIntervalSince1970 * 1000) }
        ).run()
        if code != 0 { throw ExitCode(code) }
    }

    private func options() throws -> ReplOptions {
        var options = ReplOptions()
        options.adopt(environment: ProcessInfo.processInfo.environment)
        options.script = try script()
        options.keepsGoing = keepGoing
        options.format = results.format
        options.showsHeader = !results.hasNoHeader
        options.null = results.null
        options.parameters = results.parameters
        options.usesPager = !hasNoPager
        return options
    }

    private func script() throws -> String? {
        if !commands.isEmpty { return commands.joined(separator: "\n") }
        guard let file, file != "-" else { return nil }
        guard let data = FileManager.default.contents(atPath: file) else {
            throw UsageError("cannot read the file \(file)")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
