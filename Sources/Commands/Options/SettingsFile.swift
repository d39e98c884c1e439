// Reads settings from a YAML file (JSON is YAML) and the environment as assignments.
//
// A key is assigned only when the command has the option. A key that no command has is an error. Errors about an entry
// name the file and the line.

import Arguments
import Foundation
import YAML

/// The sources of a command's settings.
struct SettingSources {
    let environment: [String: String]

    /// The assignments of file, environment and command line, in this order; later ones win.
    /// - Throws: `UsageError`; `Failure` with exit code 2 for a file that cannot be used.
    func assignments(of command: Command, _ arguments: [String]) throws -> [Assignment] {
        let typed = try command.options.assignments(of: arguments)
        let given = command.options.assignments(ofEnvironment: environment)
        guard let config = (given + typed).last(where: { $0.option == "config" }) else { return given + typed }
        let namedBy = config.origin == .argument ? "--config" : "\(config.origin)"
        return try SettingsFile(path: config.text, namedBy: namedBy).assignments(of: command) + given + typed
    }
}

/// A settings file.
struct SettingsFile {
    let path: String
    private let entries: [(key: String, keyLine: Int, value: YAMLNode)]

    /// One byte more than the YAML reader accepts, so that it sees a file that is too large.
    private static let mostBytes = (1 << 20) + 1

    /// - Parameter namedBy: the option or variable that gives the path.
    init(path: String, namedBy: String) throws {
        guard let file = FileHandle(forReadingAtPath: path),
            let data = try? file.read(upToCount: Self.mostBytes) ?? Data()
        else {
            throw Failure("the settings file \(path.visible) cannot be read; correct \(namedBy)", exitCode: 2)
        }
        try self.init(content: [UInt8](data), path: path)
    }

    init(content: [UInt8], path: String) throws {
        self.path = path
        do {
            switch try YAMLDocument.parse(content, name: path)?.content {
            case nil, .null: entries = []
            case .mapping(let mapping): entries = mapping
            case .scalar, .sequence:
                throw Failure("\(path): the settings file is not a mapping of names to values", exitCode: 2)
            }
        } catch let error as YAMLError {
            throw Failure(error.description, exitCode: 2)
        }
    }

    /// The file's assignments for a command, in file order. The form of other commands' values is checked, too.
    func assignments(of command: Command) throws -> [Assignment] {
        // The file to read was chosen before; a config key in it has no effect.
        try entries.flatMap { entry in entry.key == "config" ? [] : try assignments(of: entry, command) }
    }

    private func assignments(
        of entry: (key: String, keyLine: Int, value: YAMLNode), _ command: Command
    ) throws -> [Assignment] {
        let every = command.options + Pageviews.program.commands.flatMap(\.options)
        guard let option = every.first(where: { $0.settingNames.contains { $0.name == entry.key } }) else {
            let names = every.filter { !$0.isHidden }.flatMap { $0.settingNames.map(\.name) }
            let close = names.nearest(to: entry.key).map { "; did you mean \($0)?" } ?? ""
            // A name has any length, a message not.
            let name = entry.key.count > 60 ? "\(entry.key.prefix(60))..." : entry.key
            throw failure(entry.keyLine, "there is no setting named \(name.visible)\(close)")
        }
        return try texts(of: entry.value, option, entry.key).compactMap { text, line in
            command.options.assignment(ofKey: entry.key, text: text, origin: .file(path, line: line))
        }
    }

    private func texts(of node: YAMLNode, _ option: OptionInfo, _ key: String) throws -> [(String, Int)] {
        switch node.content {
        case .null: throw failure(node.line, "\(key) has no value; give it one, or remove the line")
        case .scalar(let text, _): return [(text, node.line)]
        case .sequence(let nodes):
            guard option.isList else { throw failure(node.line, "\(key) takes one value, not a list") }
            return try nodes.map { ($0.scalar, $0.line) }.map { text, line in
                guard let text else { throw failure(line, "setting \(key) is nested too deep") }
                return (text, line)
            }
        case .mapping(let pairs):
            // kafka-config reads naturally as a mapping.
            guard option.kind == .list(ofPairs: true) else {
                throw failure(node.line, "\(key) takes \(option.isList ? "a list" : "one value"), not a mapping")
            }
            return try pairs.map { name, line, value in
                guard let text = value.scalar else { throw failure(line, "setting \(key) is nested too deep") }
                return ("\(name)=\(text)", line)
            }
        }
    }

    private func failure(_ line: Int, _ words: String) -> Failure { Failure("\(path):\(line): \(words)", exitCode: 2) }
}

extension YAMLNode {
    fileprivate var scalar: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }
}
