// What people configure: settings files, and the spelling of times, lengths of time and sizes.

import Arguments
import Base
import YAML

@testable import Commands

extension FuzzTarget {
    /// What is read is written as a text that means the same.
    static let quantity = FuzzTarget("quantity", longest: 64) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        for quantity in [Quantity.durations, .sizes] {
            guard let value = quantity.read(text, plain: 1) else { continue }
            let written = quantity.write(value)
            try require(quantity.read(written) == value, "\(value) is written \(written)")
            _ = (Quantity.duration(value), Quantity.size(value))
        }
        if let instant = Instant(text) {
            let written = UTCText.seconds(instant.seconds)
            if UTCText.sortable(milliseconds: instant.milliseconds) != nil {
                try require(Instant(written)?.seconds == instant.seconds, "\(instant) is written \(written)")
            }
            try require(abs(instant.seconds) < 1 << 40, "\(instant) is out of range")
        }
        if let set = Partitions.kind.read(text), set?.count ?? 0 <= 1_000 {
            try require(Partitions.kind.read(Partitions.kind.write(set)) == .some(set), "other partitions")
        }
        if let moment = ValueKind<Int64>.moment.read(text) { _ = ValueKind<Int64>.moment.write(moment) }
    }

    /// A settings file gives settings or one line of refusal; the settings, given as options, are the same settings.
    static let settings = FuzzTarget("settings", longest: 2048) { bytes in
        let commands = Pageviews.configurable
        let command = commands[Int(bytes.first ?? 0) % commands.count]
        let file = Array(bytes.dropFirst())
        try checkTree(file)
        let assignments: [Assignment]
        do { assignments = try SettingsFile(content: file, path: "s.yaml").assignments(of: command) } catch {
            guard let failure = error as? Failure else { throw error }
            try require(failure.exitCode == 2, "exit code \(failure.exitCode)")
            return try requireLine(failure.text)
        }
        let secret = Set(["kafka-config"])
        do throws(UsageError) {
            let effective = try command.effective(assignments)
            let shown = effective.filter { $0.origin != .builtIn && $0.value != nil && !secret.contains($0.name) }
            try again(command, shown)
        } catch { if error.message.hasPrefix("\n") { throw Finding(error.message) } }
    }

    /// Gives the same settings as options of a command line.
    private static func again(_ command: Arguments.Command, _ shown: [EffectiveSetting]) throws(UsageError) {
        let line = shown.map { setting in
            let value = setting.value ?? ""
            let option = command.options.first { $0.name == setting.name }
            guard case .flag? = option?.kind else { return "--\(setting.name)=\(value)" }
            return value == "true" ? "--\(setting.name)" : "--no-\(setting.name)"
        }
        // A plain flag has no spelling for false, which is its default.
        let flags = Set(
            command.options.filter { $0.kind == .flag(isInvertible: false) }.map { "--no-\($0.name)" })
        let found = try command.effective(try command.options.assignments(of: line.filter { !flags.contains($0) }))
        for setting in shown {
            let values = found.filter { $0.name == setting.name }.map(\.value)
            guard values.contains(setting.value) || flags.contains("--no-\(setting.name)") else {
                throw UsageError("\n\(setting.name) was \(setting.value ?? ""), as an option \(values)")
            }
        }
    }

    // MARK: YAML

    /// A document written as JSON is the same document.
    private static func checkTree(_ bytes: [UInt8]) throws {
        let root: YAMLNode
        do throws(YAMLError) {
            guard let node = try YAMLDocument.parse(bytes, name: "s.yaml") else { return }
            root = node
        } catch { return try requireLine(error.description) }
        var text = ""
        write(root.content, to: &text)
        guard text.utf8.count <= YAMLDocument.maximumBytes else { return }
        guard let again = try YAMLDocument.parse(Array(text.utf8), name: "again.json") else {
            return try require(text == "null", "written as \(text) it is nothing")
        }
        try require(isSame(root.content, again.content), "written as \(text) it is another document")
    }

    private static func write(_ content: YAMLNode.Content, to text: inout String) {
        switch content {
        case .null: text += "null"
        case .scalar(let scalar, _): write(scalar, to: &text)
        case .sequence(let nodes):
            text += "["
            for node in nodes {
                write(node.content, to: &text)
                text += ", "
            }
            text += "]"
        case .mapping(let pairs):
            text += "{"
            for (key, _, value) in pairs {
                // Without the question mark a key has 1024 characters at most.
                text += "? "
                write(key, to: &text)
                text += " : "
                write(value.content, to: &text)
                text += ", "
            }
            text += "}"
        }
    }

    private static func write(_ scalar: String, to text: inout String) {
        text += "\""
        for character in scalar.unicodeScalars {
            switch character {
            case "\"", "\\": text += "\\\(character)"
            case " "..."~": text.unicodeScalars.append(character)
            default:
                let digits = String(character.value, radix: 16)
                text += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }
        text += "\""
    }

    private static func isSame(_ one: YAMLNode.Content, _ other: YAMLNode.Content) -> Bool {
        switch (one, other) {
        case (.null, .null): true
        case (.scalar(let left, _), .scalar(let right, _)): left.utf8.elementsEqual(right.utf8)
        case (.sequence(let left), .sequence(let right)):
            left.count == right.count && zip(left, right).allSatisfy { isSame($0.content, $1.content) }
        case (.mapping(let left), .mapping(let right)):
            left.count == right.count
                && zip(left, right).allSatisfy {
                    $0.key.utf8.elementsEqual($1.key.utf8) && isSame($0.value.content, $1.value.content)
                }
        default: false
        }
    }
}
