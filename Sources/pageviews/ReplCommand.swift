// `pageviews repl`: SQL at a prompt.

internal import ArgumentParser
internal import Foundation
internal import Query

/// `pageviews repl`.
struct ReplCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repl",
        abstract: "Ask for SQL at a prompt, over live counts and the late log.",
        discussion: """
            With -c, --file, or standard input that is no terminal, the statements and commands given there run without a \
            prompt, up to the first error (exit 1). At the prompt \\? lists the commands. Nothing is ever written to the state.
            Only \\topic needs Kafka, and only \\proof the warehouse: it takes --warehouse and all options of `pageviews proof` \
            that describe one, also from the environment and --config.
            Files: ~/.pageviews_history, ~/.pageviews_queries, ~/.pageviewsrc. Environment: PAGER, VISUAL or EDITOR, NO_COLOR.
            """)

    @Option(
        name: [.customShort("c"), .customLong("command")],
        help: ArgumentHelp("Run these statements and commands, then exit.", valueName: "sql"))
    var commands: [String] = []

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Run a file of statements and commands, then exit.", valueName: "file"),
        completion: .file())
    var file: String?

    @Flag(help: "A script goes on after an error; the exit code is still 1.")
    var keepGoing = false

    @OptionGroup var reading: ReadingOptions

    @Option(help: "How results are written. (default: table on a terminal, else tsv)")
    var format: OutputFormat?

    @Flag(name: .customLong("no-header"), help: "Leave out the line of column names.")
    var hasNoHeader = false

    @Option(help: ArgumentHelp("What stands for NULL. (default: nothing in csv and tsv, else NULL)", valueName: "text"))
    var null: String?

    @Option(name: .customLong("param"), help: ArgumentHelp("Bind a value to :NAME.", valueName: "name=value"))
    var parameters: [String] = []

    @Option(help: ArgumentHelp("Read settings from a YAML or JSON file.", valueName: "file"))
    var config: String?

    @Flag(name: .customLong("no-pager"), help: "Never show long results with a pager.")
    var hasNoPager = false

    @OptionGroup(title: "Kafka, for \\topic") var kafka: KafkaOptions

    @Option(help: ArgumentHelp("The group whose lag \\topic lists.", valueName: "name"))
    var group = "pageviews"

    /// As for `proof`; too many to be shown here.
    @OptionGroup(visibility: .hidden) var export: ExportOptions

    func validate() throws {
        if !commands.isEmpty, file != nil { throw ValidationError("give the script with -c or with --file, not both") }
    }

    func run() throws {
        let interrupt = ProcessSignals.watch()
        let session = try reading.session(interrupt: interrupt) {
            FileHandle.standardError.write(Data("\($0)\n".utf8))
        }
        let domain = PipelineCommands(state: reading.state, kafka: kafka, group: group, export: export)
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
        options.format = format
        options.showsHeader = !hasNoHeader
        options.null = null
        options.parameters = parameters
        options.usesPager = !hasNoPager
        return options
    }

    private func script() throws -> String? {
        if !commands.isEmpty { return commands.joined(separator: "\n") }
        guard let file, file != "-" else { return nil }
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ValidationError("cannot read the file \(file)")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
