// The table of the prompt's commands. Each group's rows are in the file of the methods that they call.
// Invariants: no spelling belongs to two commands; every name can be typed; every row has help (`faults`, checked when
// the table is built). A row without behaviour, or a group without rows, does not compile.

extension Command {
    /// The parts of the table, in the order of the help.
    enum Group: String, CaseIterable {
        case pipeline = "The pipeline"
        case schema = "Tables and views"
        case results = "Results"
        case statements = "Statements"
        case session = "Session"

        var commands: [Command] {
            switch self {
            case .pipeline: Repl.pipelineCommands
            case .schema: Repl.schemaCommands
            case .results: Repl.resultCommands
            case .statements: Repl.statementCommands
            case .session: Repl.sessionCommands
            }
        }
    }

    static let all: [Command] = {
        let all = Group.allCases.flatMap(\.commands)
        assert(faults(in: all).isEmpty, "\(faults(in: all))")
        return all
    }()

    static let allNames = all.flatMap(\.names)

    // MARK: Lookup

    static func named(_ name: String) -> Command? { byName[name] ?? byName[name.lowercased()] }

    /// The command of a plain word that is alone on a line, such as `exit`.
    static func invocation(ofWord word: String) -> Invocation? {
        byWord[word.lowercased()].flatMap { Invocation($0.names[0]) }
    }

    /// The command of another system's statement; nil for any other statement.
    static func invocation(ofStatement statement: String) -> Invocation? {
        let words = Invocation.words(statement)
        for command in all {
            for form in command.statements {
                guard let arguments = form.arguments(of: statement, words: words) else { continue }
                return Invocation("\(command.names[0]) \(arguments)")
            }
        }
        return nil
    }

    private static let byName = index(\.names)
    private static let byWord = index(\.words)

    private static func index(_ spellings: KeyPath<Command, [String]>) -> [String: Command] {
        Dictionary(
            all.flatMap { command in command[keyPath: spellings].map { ($0, command) } },
            uniquingKeysWith: { first, _ in first })
    }

    // MARK: Faults

    /// Violations of the table's invariants, one line each.
    static func faults(in commands: [Command]) -> [String] {
        var faults: [String] = []
        var taken: Set<String> = []
        for command in commands {
            let row = command.names.first ?? "(\(command.help))"
            if command.names.isEmpty { faults.append("\(row) has no name") }
            if command.help.trimmed.isEmpty { faults.append("\(row) has no help") }
            for name in command.names where Invocation(name)?.name != name {
                faults.append("\(row) has a name that cannot be typed: \(name)")
            }
            let statements = command.statements.map { $0.leading.joined(separator: " ") }
            for words in command.words + statements where words.isEmpty || words != words.lowercased() {
                faults.append("\(row) has words that never match: \(words)")
            }
            for spelling in command.names + command.words + statements where !taken.insert(spelling).inserted {
                faults.append("\(row) has a spelling that is taken: \(spelling)")
            }
        }
        return faults
    }

    // MARK: Help

    /// The help of all commands, for a terminal of `columns`.
    static func helpText(columns: Int) -> String {
        var text = "Statements end with a semicolon and only read.\nago('1 hour') gives a timestamp to compare with.\n"
        for group in Group.allCases {
            text += "\n\(group.rawValue)\n"
            for command in group.commands { text += command.helpLine(columns: columns) }
        }
        return text
    }
}
