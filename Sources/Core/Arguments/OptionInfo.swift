// The description of an option without its field: for parsing, help, the manual and completions.

/// The source of a value.
package enum Origin: Hashable, Sendable, CustomStringConvertible {
    case builtIn, argument
    case file(String, line: Int)
    case environment(String)

    package var description: String {
        switch self {
        case .builtIn: "default"
        case .argument: "command line"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): name
        }
    }
}

/// An option as users see it.
package struct OptionInfo: Sendable {
    /// The form on the command line.
    package enum Kind: Equatable, Sendable {
        /// `--name`, and `--no-name` when invertible.
        case flag(isInvertible: Bool)
        /// `--name VALUE`; the last one wins.
        case value
        /// `--name VALUE`, repeatable. Pairs are `KEY=VALUE` and may be a mapping in a settings file.
        case list(ofPairs: Bool)
        /// A word without a name.
        case argument(isRequired: Bool)
        /// All arguments after the words, not parsed.
        case rest
    }

    package let name: String
    package let kind: Kind
    /// The name of the value in help.
    package let placeholder: String
    package let help: String
    package var short: Character?
    /// The option's heading in help; empty for the last one, OPTIONS.
    package var group = ""
    package var isHidden = false
    package var choices: [String] = []
    package var hint: String?
    package var files: FileNames?
    /// The default, for help; nil when there is none.
    package var fallback: String?

    init(name: String, kind: Kind, placeholder: String, help: String) {
        (self.name, self.kind, self.placeholder, self.help) = (name, kind, placeholder, help)
    }
}

extension OptionInfo {
    /// Whether it is a word of the command line, which no environment variable and no settings file can set.
    package var isWord: Bool {
        switch kind {
        case .argument, .rest: true
        case .flag, .value, .list: false
        }
    }

    var isFlag: Bool {
        if case .flag = kind { true } else { false }
    }

    package var isList: Bool {
        if case .list = kind { true } else { false }
    }

    /// The names that set the option; an inverted name sets a flag to false.
    package var settingNames: [(name: String, isInverted: Bool)] {
        switch kind {
        case .flag(isInvertible: true): [("no-" + name, true), (name, false)]
        case .flag(isInvertible: false), .value, .list: [(name, false)]
        case .argument, .rest: []
        }
    }

    /// The spellings on the command line: `-f`, `--file`.
    var spellings: [String] {
        (short.map { ["-\($0)"] } ?? []) + settingNames.filter { !$0.isInverted }.map { "--\($0.name)" }
            + settingNames.filter(\.isInverted).map { "--\($0.name)" }
    }

    /// `--topic <name>`, or `<name>` for words.
    var synopsis: String { synopsis(as: "--\(name)") }

    func synopsis(as spelling: String) -> String {
        switch kind {
        case .flag: spelling
        case .value, .list: "\(spelling) <\(placeholder)>"
        case .argument: "<\(placeholder)>"
        case .rest: "<\(placeholder)> ..."
        }
    }

    /// The option's name in a message, by the source of its value.
    package func place(_ origin: Origin) -> String {
        switch origin {
        case .argument, .builtIn: isWord ? "<\(placeholder)>" : "--\(name)"
        case .environment(let variable): variable
        case .file: "\(origin): \(name)"
        }
    }

    /// The environment variable that sets an option.
    package static func variable(_ name: String) -> String {
        "PAGEVIEWS_" + name.uppercased().replacing("-", with: "_")
    }
}

/// An error of the user in the command line, the environment or a settings file.
package struct UsageError: Error, Equatable, CustomStringConvertible {
    /// One line; a list of choices may follow.
    package let message: String
    /// The help of the option concerned.
    package var help: String?
    /// The form of a valid value.
    package var hint: String?
    /// The usage of the command, and a reference to its help.
    package var usage: String?

    package init(_ message: String, about option: OptionInfo? = nil) {
        self.message = message
        help = option.map { option in
            let short = option.short.map { "-\($0), " } ?? ""
            return "Help:  \(short)\(option.synopsis)  \(option.help)"
        }
        hint = option?.hint
    }

    package var description: String { message }

    /// The printed form of all parts.
    package var text: String {
        (["Error: " + message] + [help, usage, hint].compactMap { $0 }).joined(separator: "\n") + "\n"
    }
}
