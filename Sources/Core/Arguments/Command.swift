// A program is a list of commands. A command has a name, words, options and a function to run.
//
// `--help`, `-h` and `--version` before `--` take precedence over everything else, errors included (`plan`).

/// One command.
package struct Command: Sendable {
    package let name: String
    /// One sentence.
    package let abstract: String
    /// Paragraphs, one per line.
    package let discussion: String
    package let options: [OptionInfo]
    /// The environment variables with secrets that the command uses.
    package let secrets: [String]
    /// Reads assignments and runs the command.
    package let run: @Sendable ([Assignment]) async throws -> Void
    /// The settings that the assignments result in.
    package let effective: @Sendable ([Assignment]) throws(UsageError) -> [EffectiveSetting]

    package init<Root>(
        _ name: String, abstract: String, discussion: String = "", rows: Rows<Root>, secrets: [String] = [],
        run: @escaping @Sendable (Root) async throws -> Void
    ) {
        (self.name, self.abstract, self.discussion, self.secrets) = (name, abstract, discussion, secrets)
        options = rows.infos
        self.run = { try await run(try rows.read($0).values) }
        effective = { assignments throws(UsageError) in try rows.read(assignments).effective }
    }

    /// The options in help, completions and the manual.
    var visible: [OptionInfo] { options.filter { !$0.isHidden } }
}

/// The whole program.
package struct Program: Sendable {
    /// The action that a command line requests.
    package enum Plan: Sendable {
        /// Print a text on standard output.
        case show(String)
        case run(Command, arguments: [String])
    }

    package let name: String
    package let version: String
    /// The lines that `--version` prints below the version.
    package let versionDetails: [String]
    package let abstract: String
    package let discussion: String
    package let commands: [Command]

    package init(
        _ name: String, version: String, versionDetails: [String] = [], abstract: String, discussion: String,
        commands: [Command]
    ) {
        (self.name, self.version, self.versionDetails, self.abstract) = (name, version, versionDetails, abstract)
        (self.discussion, self.commands) = (discussion, commands)
    }

    package func command(_ name: String) -> Command? { commands.first { $0.name == name } }

    /// Decides what a command line requests.
    /// - Parameters:
    ///   - arguments: the arguments without the program's name.
    ///   - width: the number of columns of help pages.
    /// - Throws: `UsageError` for an unknown command or option in the place of a command.
    package func plan(_ arguments: [String], width: Int = 80) throws(UsageError) -> Plan {
        guard let first = arguments.first else { return .show(helpPage(width: width)) }
        let command = command(first == "help" ? arguments.dropFirst().first ?? "" : first)
        let help = command.map { helpPage(of: $0, width: width) } ?? helpPage(width: width)
        if first == "help" { return .show(help) }
        for argument in arguments.prefix(while: { $0 != "--" }) {
            if argument == "--help" || argument == "-h" { return .show(help) }
            if argument == "--version" { return .show(([version] + versionDetails).map { $0 + "\n" }.joined()) }
        }
        if let command { return .run(command, arguments: Array(arguments.dropFirst())) }
        return .show(try completions(arguments))
    }

    /// Handles a command line without a command.
    private func completions(_ arguments: [String]) throws(UsageError) -> String {
        let (option, attached) = arguments[0].cut("=")
        guard option == "--generate-completion-script" else { throw asked(unknown(arguments[0])) }
        guard let shell = attached ?? arguments.dropFirst().first else {
            throw asked(Self.noShell("Can't autodetect a supported shell."))
        }
        guard let script = completionScript(shell: shell) else {
            throw asked(Self.noShell("Can't generate completion scripts for '\(shell.visible)'."))
        }
        return script
    }

    private static func noShell(_ message: String) -> UsageError {
        UsageError(
            message + "\nPlease use --generate-completion-script=<shell> with one of:\n    "
                + CompletionShell.allCases.map(\.rawValue).joined(separator: " "))
    }

    private func unknown(_ word: String) -> UsageError {
        let isOption = word.hasPrefix("-")
        let name = isOption ? word.cut("=").name : word
        let close = (isOption ? ["--help", "--version"] : commands.map(\.name)).nearest(to: name)
        let kind = isOption ? "Unknown option" : "unknown command"
        return UsageError("\(kind) '\(name.visible)'" + (close.map { ". Did you mean '\($0)'?" } ?? ""))
    }

    /// The error with the usage of the command, or of the program.
    package func asked(_ error: UsageError, of command: Command? = nil) -> UsageError {
        guard error.usage == nil else { return error }
        var error = error
        let whole = command.map { "\(name) \($0.name)" } ?? name
        error.usage = "Usage: \(usage(of: command))\n  See '\(whole) --help' for more information."
        return error
    }
}
