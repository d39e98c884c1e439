// `pageviews settings`: shows the settings that a command would run with, and the origin of each.

import Arguments
import Foundation

/// `pageviews settings`.
struct SettingsCommand: Sendable {
    /// The output formats.
    enum Format: String, CaseIterable, Sendable {
        case table, json
    }

    static let command = Command(
        "settings", abstract: "Show the settings that a command would run with, and where each comes from.",
        discussion: """
            Takes the command and its options, and reads environment and settings file as the command does; nothing else is \
            done. One line each: name, value (- where there is none), and origin: default, command line, a variable, or file \
            and line. Of a secret it only says that it is set. --format json after a command that has an option --format is \
            taken by both.
            """,
        rows: Rows(
            SettingsCommand(),
            [
                .argument("command", \.name, commandName, "The command."),
                .rest("options", \.options, "Its options."),
                .value("format", \.format, .choice, "format", "Format of the output: table or json."),
            ]),
        run: { try $0.run() })

    /// Accepts any text, so that the error can suggest a command; shells complete the valid names.
    private static let commandName = ValueKind<String>(
        choices: Pageviews.configurable.map(\.name), read: { $0 }, write: { $0 })

    var name = ""
    var options: [String] = []
    var format = Format.table

    func run() throws {
        guard let command = Pageviews.configurable.first(where: { $0.name == name }) else {
            let close = Pageviews.configurable.map(\.name).nearest(to: name).map { ". Did you mean '\($0)'?" } ?? ""
            throw UsageError("unknown command '\(name.visible)'\(close)")
        }
        do {
            let environment = ProcessInfo.processInfo.environment
            let (settings, format) = try settings(of: command, environment)
            let text = format == .json ? try Self.json(settings) : Self.table(settings)
            StandardStream.output.write(text)
        } catch let error as UsageError {
            throw Pageviews.program.asked(error, of: command)
        }
    }

    /// The settings, with the secrets of the environment, and how to write them.
    func settings(
        of command: Command, _ environment: [String: String]
    ) throws -> (settings: [EffectiveSetting], format: Format) {
        let (own, theirs) = try Self.separated(options, command)
        let assignments = try SettingSources(environment: environment).assignments(of: command, theirs)
        let secrets = command.secrets.map { name in
            EffectiveSetting(
                name: name, value: environment[name] == nil ? nil : "set",
                origin: environment[name] == nil ? .builtIn : .environment(name))
        }
        let isJSON = assignments.contains { $0.option == "format" && $0.text == "json" && $0.origin == .argument }
        return (try command.effective(assignments) + secrets, isJSON ? .json : own ?? format)
    }

    /// Takes out `--format` when the named command has no such option.
    private static func separated(
        _ arguments: [String], _ command: Command
    ) throws(UsageError) -> (own: Format?, theirs: [String]) {
        guard !command.options.contains(where: { $0.name == "format" }) else { return (nil, arguments) }
        var (own, theirs, rest) = (Format?.none, [String](), arguments[...])
        while let argument = rest.popFirst(), argument != "--" {
            let isOurs = argument == "--format" || argument.hasPrefix("--format=")
            guard isOurs else {
                theirs.append(argument)
                continue
            }
            let text = argument == "--format" ? rest.popFirst() ?? "" : String(argument.dropFirst("--format=".count))
            guard let format = Format(rawValue: text) else {
                throw UsageError("The value '\(text.visible)' is invalid for '--format <format>': it is table or json")
            }
            own = format
        }
        return (own, theirs + (rest.isEmpty ? [] : ["--"] + rest))
    }

    // MARK: Output

    static func table(_ settings: [EffectiveSetting]) -> String {
        let rows = settings.map { [$0.name, ($0.value ?? "-").visible, "\($0.origin)"] }
        let widths = (0..<2).map { column in min(48, rows.map { $0[column].count }.max() ?? 0) }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
            return (cells + [row[2]]).joined(separator: "  ") + "\n"
        }.joined()
    }

    private struct Row: Encodable {
        let setting: EffectiveSetting

        enum CodingKeys: CodingKey { case name, value, origin }

        /// Writes an unset value as null; the key is never absent.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(setting.name, forKey: .name)
            try container.encode(setting.value, forKey: .value)
            try container.encode("\(setting.origin)", forKey: .origin)
        }
    }

    static func json(_ settings: [EffectiveSetting]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(settings.map(Row.init)), as: UTF8.self) + "\n"
    }
}
