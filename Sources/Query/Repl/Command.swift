// A row of the prompt's table of commands, and its line of help.

/// A command: its names, arguments, help and behaviour. Dispatch, help, completion and suggestions read the rows only.
struct Command: Sendable {
    /// Runs the command. `Repl.buffer` still holds the statement before it on the line.
    typealias Behaviour = @Sendable (Repl, Invocation) -> Void

    /// Every spelling, in the order of the help.
    let names: [String]
    /// The form of the arguments, such as `[N]`; empty when the command takes none.
    let arguments: String
    /// The completion of the arguments.
    let completion: ArgumentCompletion
    let help: String
    /// Plain words, in lower case, that run the command when alone on a line.
    let words: [String]
    /// Statements of other systems that run the command.
    let statements: [ForeignStatement]
    let perform: Behaviour

    /// A command with arguments.
    init(
        _ names: [String], _ arguments: String, completes completion: ArgumentCompletion, _ help: String,
        words: [String] = [], statements: [ForeignStatement] = [], perform: @escaping Behaviour
    ) {
        (self.names, self.arguments, self.completion, self.help) = (names, arguments, completion, help)
        (self.words, self.statements, self.perform) = (words, statements, perform)
    }

    /// A command without arguments.
    init(_ names: [String], _ help: String, words: [String] = [], perform: @escaping Behaviour) {
        self.init(names, "", completes: .nothing, help, words: words, perform: perform)
    }

    /// Spellings and arguments, then the help; on a narrow terminal the help is below long spellings.
    func helpLine(columns: Int) -> String {
        let spellings = names.prefix(2).joined(separator: "  ") + (arguments.isEmpty ? "" : "  \(arguments)")
        let isWide = columns >= 114
        let place = isWide ? 54 : 22
        let isBelow = !isWide && spellings.count > place - 2
        let gap = isBelow ? "\n" + String(repeating: " ", count: place + 2) : ""
        let padding = isBelow ? "" : String(repeating: " ", count: max(2, place - spellings.count))
        return "  \(spellings)\(gap)\(padding)\(help)\n"
    }
}

/// The completion of a command's arguments.
struct ArgumentCompletion: Sendable {
    /// The kind of the next argument, given the ones before it.
    let wanted: @Sendable (_ entered: [String]) -> CompletionContext.Wanted
    /// The arguments may be a statement: from its second word on, it is completed as SQL.
    var takesSQL = false

    static let nothing = always(.nothing)
    static let commands = always(.commands)
    static let files = always(.files)
    static let formats = always(.formats)
    static let queries = always(.queries)
    static let relations = always(.relations)

    static func words(_ words: String...) -> Self { always(.words(words)) }

    /// The same for every argument.
    static func always(_ wanted: CompletionContext.Wanted) -> Self { Self { _ in wanted } }

    /// A statement; `wanted` completes its first word.
    static func sql(or wanted: @escaping @Sendable (_ entered: [String]) -> CompletionContext.Wanted) -> Self {
        Self(wanted: wanted, takesSQL: true)
    }
}

/// A statement of another system that runs a command here, such as `DESCRIBE counts`.
struct ForeignStatement: Sendable {
    /// The part after the leading words.
    enum Rest { case nothing, oneWord, text }

    /// The words the statement starts with, in lower case.
    let leading: [String]
    let rest: Rest

    init(_ leading: String..., then rest: Rest = .nothing) { (self.leading, self.rest) = (leading, rest) }

    /// The command's arguments; nil when `statement` is another one.
    /// - Parameter words: the statement, cut into words.
    func arguments(of statement: String, words: [String]) -> String? {
        guard words.prefix(leading.count).map({ $0.lowercased() }) == leading else { return nil }
        let others = words.dropFirst(leading.count)
        return switch rest {
        case .nothing: others.isEmpty ? "" : nil
        case .oneWord: others.count == 1 ? words[leading.count].quoted(with: "'") : nil
        case .text: others.isEmpty ? nil : String(statement.dropFirst(leading[0].count))
        }
    }
}
