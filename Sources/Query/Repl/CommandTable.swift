// Every command of the prompt: its spellings, its arguments, what it does. Help, completion, suggestions and dispatch all
// read this table.

/// What a command does.
enum CommandAction: CaseIterable {
    case help, quit, tables, allTables, summary, describe, functions, indexes
    case format, printSet, expand, timing, headers, nullText, last, chart, output, once, copy
    case input, edit, go, goExpanded, watch, gset, set, unset, param, reset, printBuffer
    case history, named, saveNamed, deleteNamed, shell, conninfo, echo, show, directory, begin, end
    case lag, watermark, late, rejected, window, exports, incidents, proof, topic
}

/// One command.
struct Command {
    enum Group: String, CaseIterable {
        case pipeline = "The pipeline"
        case schema = "Tables and views"
        case results = "Results"
        case statements = "Statements"
        case session = "Session"
    }

    let action: CommandAction
    let group: Group
    /// All spellings; the first is the one that help shows first.
    let names: [String]
    let arguments: String
    let help: String

    init(_ action: CommandAction, _ group: Group, _ names: [String], _ arguments: String = "", _ help: String) {
        (self.action, self.group, self.names, self.arguments, self.help) = (action, group, names, arguments, help)
    }

    static func named(_ name: String) -> Command? { byName[name] ?? byName[name.lowercased()] }

    static let allNames = all.flatMap(\.names)

    private static let byName = Dictionary(
        all.flatMap { command in command.names.map { ($0, command) } }, uniquingKeysWith: { first, _ in first })

    static let all: [Command] = pipeline + schema + results + statements + session

    private static let pipeline = [
        Command(.lag, .pipeline, ["\\lag", ".lag"], "how far counting is behind the topic, per partition"),
        Command(
            .watermark, .pipeline, ["\\watermark", ".watermark"],
            "the watermark, what moved it last, what holds it back"),
        Command(.late, .pipeline, ["\\late", ".late"], "[N]", "the newest late events"),
        Command(.rejected, .pipeline, ["\\rejected", ".rejected"], "[N]", "the newest rejected events"),
        Command(
            .window, .pipeline, ["\\window", ".window"], "POSTCODE MINUTE", "one count: live, exported, late events"),
        Command(.exports, .pipeline, ["\\exports", ".exports"], "[N]", "the newest exports"),
        Command(.incidents, .pipeline, ["\\incidents", ".incidents"], "[N]", "the newest incidents"),
        Command(
            .proof, .pipeline, ["\\proof", ".proof"], "[--quick]",
            "recounts what came in against what is stored and exported"),
        Command(
            .topic, .pipeline, ["\\topic", ".topic"], "[NAME [N]] [--from PLACE] [--follow]",
            "topics, or the newest messages of one; --help tells more"),
    ]

    private static let schema = [
        Command(.tables, .schema, ["\\dt", ".tables", "\\dv"], "[PATTERN]", "the views to ask"),
        Command(.allTables, .schema, ["\\dt+"], "[PATTERN]", "also the tables beneath them"),
        Command(.describe, .schema, ["\\d", ".schema"], "[NAME]", "columns and definition of one, or of all"),
        Command(.indexes, .schema, ["\\di", ".indexes"], "[NAME]", "indexes"),
        Command(
            .summary, .schema, ["\\summary", ".summary"], "NAME|SELECT ...", "least, greatest, mean of each column"),
        Command(.functions, .schema, ["\\df"], "[PATTERN]", "functions"),
    ]

    private static let results = [
        Command(
            .format, .results, ["\\format", ".mode"], "[FORMAT]",
            "table, box, line, csv, tsv, json, jsonl, markdown, html"),
        Command(
            .printSet, .results, ["\\pset"], "[NAME [VALUE]]", "format, null, header, expanded, pager, width, timing"),
        Command(.expand, .results, ["\\x", ".expanded"], "[on|off|auto]", "one value per line"),
        Command(.last, .results, ["\\last", ".last"], "the last result again, nothing shortened"),
        Command(.chart, .results, ["\\chart", ".chart"], "[bar|line] [LABEL] [VALUE]", "draws the result"),
        Command(
            .copy, .results, ["\\copy", ".copy"], "[TABLE|(SELECT ...)] to FILE [FORMAT]", "writes a result, all of it"),
        Command(
            .output, .results, ["\\o", ".output"], "[FILE | |COMMAND]",
            "sends the results that follow there; alone: back here"),
        Command(.once, .results, ["\\once", ".once"], "FILE | |COMMAND", "sends the next result to one"),
        Command(.timing, .results, ["\\timing", ".timer"], "[on|off]", "shows how long each statement took"),
        Command(.headers, .results, [".headers", "\\headers"], "[on|off]", "the line of column names"),
        Command(.nullText, .results, [".nullvalue", "\\null"], "[TEXT]", "what stands for NULL"),
    ]

    private static let statements = [
        Command(.watch, .statements, ["\\watch", ".watch"], "[SECONDS [TIMES]]", "runs the statement again and again"),
        Command(.go, .statements, ["\\g"], "runs the statement as it stands"),
        Command(.goExpanded, .statements, ["\\G", "\\gx"], "runs the statement and shows one value per line"),
        Command(.gset, .statements, ["\\gset"], "[PREFIX]", "keeps the columns of its one row as parameters"),
        Command(
            .param, .statements, ["\\param", ".param", ".parameter"], "[NAME [VALUE]]", "values that are bound to :NAME"
        ),
        Command(.set, .statements, ["\\set"], "[NAME [VALUE]]", "the same"),
        Command(.unset, .statements, ["\\unset"], "NAME", "forgets a parameter"),
        Command(.edit, .statements, ["\\e", ".edit"], "edits the statement with $EDITOR"),
        Command(.printBuffer, .statements, ["\\p"], "shows the statement as it stands"),
        Command(.reset, .statements, ["\\r"], "clears the statement"),
        Command(.input, .statements, ["\\i", ".read"], "FILE", "runs a file"),
        Command(.named, .statements, ["\\f", ".f"], "[NAME [PARAM=VALUE ...]]", "named queries: lists or runs them"),
        Command(.saveNamed, .statements, ["\\fs"], "NAME SQL", "keeps a named query"),
        Command(.deleteNamed, .statements, ["\\fd"], "NAME", "deletes a named query"),
        Command(
            .history, .statements, ["\\history", ".history", "\\s"], "[N]", "what was entered; also the table `history`"
        ),
    ]

    private static let session = [
        Command(.help, .session, ["\\?", ".help", "\\h", "\\help"], "[COMMAND]", "this help"),
        Command(.quit, .session, ["\\q", ".quit", ".exit", "\\quit"], "ends the session; so does Ctrl-D"),
        Command(.conninfo, .session, ["\\conninfo", ".databases"], "which state, its size, the limits"),
        Command(.show, .session, [".show", "\\show"], "the settings"),
        Command(
            .begin, .session, ["\\begin", ".begin"], "[DURATION]",
            "holds the data as it is now, for at most this time (60s)"),
        Command(.end, .session, ["\\end", ".end"], "lets it go"),
        Command(.echo, .session, ["\\echo", ".print"], "TEXT", "writes text"),
        Command(.directory, .session, ["\\cd", ".cd"], "[FOLDER]", "changes the folder for files"),
        Command(.shell, .session, ["\\!", ".shell", ".system"], "COMMAND", "runs a command of the shell"),
    ]
}

extension Command {
    fileprivate init(_ action: CommandAction, _ group: Group, _ names: [String], _ help: String) {
        self.init(action, group, names, "", help)
    }

    /// The help of all commands, for a terminal of `columns`.
    static func helpText(columns: Int) -> String {
        var text = "Statements end with a semicolon and only read.\nago('1 hour') gives a timestamp to compare with.\n"
        for group in Group.allCases {
            text += "\n\(group.rawValue)\n"
            for command in all where command.group == group { text += command.helpLine(columns: columns) }
        }
        return text
    }

    /// Spellings and arguments, then what it does; on a narrow terminal that is below where they are long.
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
