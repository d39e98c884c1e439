// Settings from a file and the environment, put in front of the user's arguments.
//
// Everything then goes through one parser, so a wrong value gets the same message wherever it came from. Invariants: what
// comes later wins, so the order is file, environment, flags; an option is only added to a command that has it; a key of
// the file that no command has is an error.

internal import ArgumentParser
internal import ArgumentParserToolInfo
internal import Foundation
internal import Yams

/// Arguments, environment and settings file as one list of arguments.
struct SettingsExpansion {
    let arguments: [String]
    let environment: [String: String]

    /// - Throws: `Failure` with exit code 2 when the file cannot be read or has a key that is no setting.
    func expanded() throws -> [String] {
        let tool = try Self.toolInfo()
        guard let name = arguments.first,
            let command = tool.subcommands?.first(where: { $0.commandName == name })
        else { return arguments }
        let known = Self.options(of: command)
        var added: [String] = []
        if let path = configPath() {
            let every = (tool.subcommands ?? []).flatMap { Self.options(of: $0).keys }
            for (key, values) in try settings(inFile: path) {
                guard every.contains(key) else {
                    throw Failure("\(path): there is no setting named \(key)", exitCode: 2)
                }
                if let option = known[key] { added += try Self.arguments(option, key: key, values: values) }
            }
        }
        for (key, option) in known.sorted(by: { $0.key < $1.key }) where key != "config" {
            let variable = "PAGEVIEWS_" + key.uppercased().replacingOccurrences(of: "-", with: "_")
            guard let value = environment[variable] else { continue }
            added += try Self.arguments(option, key: key, values: [value])
        }
        return [name] + added + arguments.dropFirst()
    }

    /// What the parser knows of its own options.
    private static func toolInfo() throws -> CommandInfoV0 {
        try JSONDecoder().decode(ToolInfoV0.self, from: Data(Pageviews._dumpHelp().utf8)).command
    }

    private static func options(of command: CommandInfoV0) -> [String: ArgumentInfoV0] {
        var options: [String: ArgumentInfoV0] = [:]
        for argument in command.arguments ?? [] where argument.kind != .positional {
            for name in argument.names ?? [] where name.kind == .long && name.name != "help" && name.name != "version" {
                options[name.name] = argument
            }
        }
        return options
    }

    private static func arguments(_ option: ArgumentInfoV0, key: String, values: [String]) throws -> [String] {
        guard option.kind == .flag else { return values.flatMap { ["--\(key)=\($0)"] } }
        switch values.last?.lowercased() {
        case "true", "1", "yes", "on": return ["--\(key)"]
        case "false", "0", "no", "off", "": return []
        default: throw Failure("setting \(key) is either true or false, not \(values.last ?? "")", exitCode: 2)
        }
    }

    private func configPath() -> String? {
        var path = environment["PAGEVIEWS_CONFIG"]
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { break }
            if argument == "--config", index + 1 < arguments.count { path = arguments[index + 1] }
            if argument.hasPrefix("--config=") { path = String(argument.dropFirst("--config=".count)) }
        }
        return path
    }

    /// The file's keys in its order, each with its values as text. JSON is YAML too.
    private func settings(inFile path: String) throws -> [(String, [String])] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure("the settings file \(path) cannot be read; correct --config", exitCode: 2)
        }
        do {
            guard let root = try Yams.compose(yaml: String(decoding: data, as: UTF8.self)) else { return [] }
            guard case .mapping(let mapping) = root else {
                throw Failure("\(path): the settings file is not a mapping of names to values", exitCode: 2)
            }
            return try mapping.map { key, value in
                (key.string ?? "", try Self.texts(of: value, key: key.string ?? "", path: path))
            }
        } catch let error as YamlError {
            let words = "\(error)".split(separator: "\n").joined(separator: " ")
            throw Failure("\(path): not YAML: \(words)", exitCode: 2)
        }
    }

    private static func texts(of node: Node, key: String, path: String) throws -> [String] {
        switch node {
        case .scalar(let scalar): return [scalar.string]
        case .sequence(let nodes): return try nodes.flatMap { try texts(of: $0, key: key, path: path) }
        case .mapping(let pairs):
            // kafka-config reads naturally as a mapping.
            return try pairs.map { name, value in
                guard let name = name.string, let text = value.string else {
                    throw Failure("\(path): setting \(key) is nested too deep", exitCode: 2)
                }
                return "\(name)=\(text)"
            }
        case .alias: throw Failure("\(path): setting \(key) is an alias, which is not supported", exitCode: 2)
        }
    }
}
