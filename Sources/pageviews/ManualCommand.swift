// `pageviews manual`: the manual page, from the same definitions as --help and the shells' completions.

internal import ArgumentParser
internal import ArgumentParserToolInfo
internal import Foundation

/// `pageviews manual`.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual",
        abstract: "Print the manual page: pageviews manual > pageviews.1",
        discussion: """
            Completions for the shells come from `pageviews --generate-completion-script bash` (or zsh, or fish).
            """)

    func run() throws {
        let tool = try JSONDecoder().decode(ToolInfoV0.self, from: Data(Pageviews._dumpHelp().utf8))
        print(ManualPage(tool.command).text, terminator: "")
    }
}

/// A manual page in the macros of man(7).
struct ManualPage {
    let text: String

    init(_ tool: CommandInfoV0) {
        let name = tool.commandName
        var lines = [".TH \(name.uppercased()) 1 \"\" \"\(name)\" \"User Commands\""]
        lines += [".SH NAME", "\(name) \\- \(Self.escaped(tool.abstract ?? ""))"]
        lines += [".SH SYNOPSIS", ".B \(name)", ".I COMMAND", "[OPTION]... [ARGUMENT]..."]
        lines += [".SH DESCRIPTION"] + Self.paragraphs(tool.discussion)
        lines += [".SH COMMANDS"]
        let commands = (tool.subcommands ?? []).filter { $0.shouldDisplay && $0.commandName != "help" }
        for command in commands { lines += Self.section(command, of: name) }
        lines += [".SH EXIT STATUS"] + Self.exitCodes
        text = lines.filter { !$0.isEmpty }.joined(separator: "\n") + "\n"
    }

    private static let exitCodes = [
        ("0", "done"), ("1", "the work failed"), ("2", "wrong usage or configuration"), ("3", "deadline or interrupt"),
        ("4", "a needed service could not be reached"),
        ("5", "the state is in use or belongs to another cluster or topic"),
    ].flatMap { [".TP", ".B \($0)", $1] }

    private static func section(_ command: CommandInfoV0, of tool: String) -> [String] {
        let arguments = (command.arguments ?? []).filter { $0.shouldDisplay && $0.preferredName?.name != "help" }
        let positional = arguments.filter { $0.kind == .positional }.map { " [\($0.valueName ?? "value")]" }.joined()
        var lines = [".SS \(tool) \(command.commandName) [OPTION]...\(escaped(positional))"]
        lines += paragraphs(command.abstract) + paragraphs(command.discussion)
        for argument in arguments { lines += item(argument) }
        return lines
    }

    private static func item(_ argument: ArgumentInfoV0) -> [String] {
        let value = argument.kind == .flag ? "" : " \\fI\(escaped(argument.valueName ?? "value"))\\fR"
        let names = (argument.names ?? []).map { "\\fB\(escaped(spelling($0)))\\fR" }.joined(separator: ", ")
        let isPositional = argument.kind == .positional
        var lines = [".TP", isPositional ? "\\fI\(escaped(argument.valueName ?? "value"))\\fR" : names + value]
        lines.append(escaped(argument.abstract ?? ""))
        if let fallback = argument.defaultValue { lines.append(escaped("(default: \(fallback))")) }
        return lines
    }

    private static func spelling(_ name: ArgumentInfoV0.NameInfoV0) -> String {
        switch name.kind {
        case .long: "--\(name.name)"
        case .short, .longWithSingleDash: "-\(name.name)"
        }
    }

    private static func paragraphs(_ text: String?) -> [String] {
        (text ?? "").split(separator: "\n").flatMap { [".PP", escaped(String($0))] }
    }

    /// A backslash starts a request of roff, so does a dot or quote at the start of a line; a hyphen is a minus only with
    /// a backslash.
    static func escaped(_ text: String) -> String {
        let plain = text.replacingOccurrences(of: "\\", with: "\\e").replacingOccurrences(of: "-", with: "\\-")
            .replacingOccurrences(of: "\n", with: " ")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }
}
