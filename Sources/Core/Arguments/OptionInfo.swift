// What is known of an option apart from the field that it sets: enough for parsing, help, the manual and completions.

/// Where a value came from.
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
    /// What stands on the command line.
    package enum Kind: Equatable, Sendable {
        /// `--name`, and `--no-name` when invertible.
        case flag(isInvertible: Bool)
        /// `--name VALUE`; the last one wins.
        case value
        /// `--name VALUE`, any number of times. Pairs are `KEY=VALUE` and may be a mapping in a settings file.
        case list(ofPairs: Bool)
        /// A word without a name.
        case argument(isRequired: Bool)
        /// All that follows the words, unread.
        case rest
    }

    package let name: String
    package let kind: Kind
    /// What the value is called in help.
    package let placeholder: String
    package let help: String
    package var short: Character?
    /// The heading it stands under in help; empty: the last one, OPTIONS.
    package var group = ""
    package var isHidden = false
    package var choices: [String] = []
    package var hint: String?
    package var files: FileNames?
    /// The value of a fresh root; nil when there is none.
    package var fallback: String?

    init(name: String, kind: Kind, placeholder: String, help: String) {
        (self.name, self.kind, self.placeholder, self.help) = (name, kind, placeholder, help)
    }
}

extension OptionInfo {
    /// A word of the command line, which no variable and no key of a file sets.
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

    /// The names by which it is set, with what each of a flag's means.
    package var settingNames: [(name: String, isInverted: Bool)] {
        switch kind {
        case .flag(isInvertible: true): [("no-" + name, true), (name, false)]
        case .flag(isInvertible: false), .value, .list: [(name, false)]
        case .argument, .rest: []
        }
    }

    /// `-f`, `--file`, as they are typed.
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

    /// How a message names it, by where its value came from.
    package func place(_ origin: Origin) -> String {
        switch origin {
        case .argument, .builtIn: isWord ? "<\(placeholder)>" : "--\(name)"
        case .environment(let variable): variable
        case .file: "\(origin): \(name)"
        }
    }

    /// The variable that sets it.
    package static func variable(_ name: String) -> String {
        "PAGEVIEWS_" + name.uppercased().replacing("-", with: "_")
    }
}

/// What the user did wrong.
package struct UsageError: Error, Equatable, CustomStringConvertible {
    /// One line (a list of choices may follow).
    package let message: String
    /// The help of the option that it is about.
    package var help: String?
    /// What a right value looks like.
    package var hint: String?
    /// How the command is used, and where to read more.
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

    /// All of it, as it is printed.
    package var text: String {
        (["Error: " + message] + [help, usage, hint].compactMap { $0 }).joined(separator: "\n") + "\n"
    }
}
