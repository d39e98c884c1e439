// The table of the prompt's commands: its rows, the faults that a row may have, and how a line finds its row.

import Testing

@testable import LineEditor
@testable import Query

/// Counts what is started in a shell.
private final class CountingTerminal: Terminal {
    var commands: [String] = []
    var size: TerminalSize? { nil }
    func page(_ text: String, with command: String) -> Bool {
        commands.append(command)
        return true
    }
    func run(_ command: String) -> Int32 {
        commands.append(command)
        return 0
    }
    func feed(_ command: String) -> (descriptor: Int32, wait: () -> Int32)? {
        commands.append(command)
        return nil
    }
}

@Suite struct CommandTableTests {
    /// Runs a script.
    private func run(_ script: String) throws -> (code: Int32, out: String, err: String, commands: [String]) {
        let folder = try Folder()
        let (out, err, terminal) = (Output(), Output(), CountingTerminal())
        let repl = Repl(
            session: makeSession(folder.file("none.db")), options: ReplOptions(), source: TextLines(script), out: out,
            err: err, terminal: terminal, domain: NoDomainCommands(), wallClock: { 0 }, waitMilliseconds: { _ in })
        return (repl.run(), out.text, err.text, terminal.commands)
    }

    // MARK: Rows

    @Test func `the table has no faults`() {
        #expect(Command.faults(in: Command.all).isEmpty)
        #expect(Command.Group.allCases.allSatisfy { !$0.commands.isEmpty && !$0.rawValue.isEmpty })
    }

    private static let good = Command(["\\good", ".good"], "does well", words: ["good"]) { _, _ in }

    private static let drifting: [(row: Command, fault: String)] = [
        (Command([], "does nothing") { _, _ in }, "(does nothing) has no name"),
        (Command(["\\mute"], " ") { _, _ in }, "\\mute has no help"),
        (Command(["bare"], "has no mark") { _, _ in }, "bare has a name that cannot be typed: bare"),
        (Command(["\\two words"], "h") { _, _ in }, "\\two words has a name that cannot be typed: \\two words"),
        (Command(["\\a1"], "h") { _, _ in }, "\\a1 has a name that cannot be typed: \\a1"),
        (Command([""], "h") { _, _ in }, " has a name that cannot be typed: "),
        (Command(["\\new", "\\good"], "h") { _, _ in }, "\\new has a spelling that is taken: \\good"),
        (Command(["\\new", "\\new"], "h") { _, _ in }, "\\new has a spelling that is taken: \\new"),
        (Command(["\\new"], "h", words: ["good"]) { _, _ in }, "\\new has a spelling that is taken: good"),
        (Command(["\\new"], "h", words: ["New"]) { _, _ in }, "\\new has words that never match: New"),
        (
            Command(["\\new"], "", completes: .nothing, "h", statements: [ForeignStatement("SHOW")]) { _, _ in },
            "\\new has words that never match: SHOW"
        ),
    ]

    @Test(arguments: drifting) func `a drifting table is found`(row: Command, fault: String) {
        #expect(Command.faults(in: [Self.good]).isEmpty)
        #expect(Command.faults(in: [Self.good, row]) == [fault])
    }

    /// Every spelling, and what TAB offers for the first argument.
    private static let pinned: [(names: String, wanted: CompletionContext.Wanted)] = [
        ("\\lag .lag", .nothing), ("\\watermark .watermark", .nothing), ("\\late .late", .nothing),
        ("\\rejected .rejected", .nothing), ("\\window .window", .postcodes(.command)),
        ("\\exports .exports", .nothing), ("\\incidents .incidents", .nothing), ("\\proof .proof", .nothing),
        ("\\topic .topic", .nothing),
        ("\\dt .tables \\dv", .relations), ("\\dt+", .relations), ("\\d .schema", .relations),
        ("\\di .indexes", .relations), ("\\summary .summary", .relations), ("\\df", .nothing),
        ("\\format .mode", .formats),
        ("\\pset", .words(["expanded", "format", "header", "null", "pager", "timing", "width"])),
        ("\\x .expanded", .words(["auto", "off", "on"])), ("\\last .last", .nothing),
        ("\\chart .chart", .words(["bar", "line"])), ("\\copy .copy", .relations), ("\\o .output", .files),
        ("\\once .once", .files), ("\\timing .timer", .words(["off", "on"])),
        (".headers \\headers", .words(["off", "on"])), (".nullvalue \\null", .nothing),
        ("\\watch .watch", .nothing), ("\\g", .nothing), ("\\G \\gx", .nothing), ("\\gset", .nothing),
        ("\\param .param .parameter", .nothing), ("\\set", .nothing), ("\\unset", .nothing), ("\\e .edit", .files),
        ("\\p", .nothing), ("\\r", .nothing), ("\\i .read", .files), ("\\f .f", .queries), ("\\fs", .nothing),
        ("\\fd", .queries), ("\\history .history \\s", .nothing),
        ("\\? .help \\h \\help", .commands), ("\\q .quit .exit \\quit", .nothing), ("\\conninfo .databases", .nothing),
        (".show \\show", .nothing), ("\\begin .begin", .nothing), ("\\end .end", .nothing),
        ("\\echo .print", .nothing), ("\\cd .cd", .files), ("\\! .shell .system", .nothing),
    ]

    @Test func `every command keeps its spellings and its completion`() {
        #expect(Command.all.map { $0.names.joined(separator: " ") } == Self.pinned.map { $0.names })
        for (command, expected) in zip(Command.all, Self.pinned) {
            #expect(command.completion.wanted([]) == expected.wanted, "\(expected.names)")
            for name in command.names {
                let context = CompletionContext(before: name + " ", whole: name + " ", word: "")
                #expect(context.wanted == expected.wanted, "\(name)")
            }
        }
    }

    @Test func `only commands that take a statement complete SQL`() {
        let wanted = CompletionContext.Wanted.columns(qualifier: nil, tables: [])
        for command in Command.all {
            let before = command.names[0] + " SELECT a, "
            let context = CompletionContext(before: before, whole: before, word: "")
            #expect((context.wanted == wanted) == ["\\summary", "\\copy", "\\fs"].contains(command.names[0]))
        }
    }

    // MARK: Lookup

    @Test func `a name finds its command in any case, unless another command has that case`() {
        for command in Command.all {
            for name in command.names {
                #expect(Command.named(name)?.names == command.names)
                let other = name == "\\g" ? "\\G" : command.names[0]
                #expect(Command.named(name.uppercased())?.names[0] == other)
            }
        }
    }

    private static let words: [(String, String?)] = [
        ("exit", "\\q"), ("QUIT", "\\q"), ("help", "\\?"), ("help me", nil), ("select", nil), ("", nil),
    ]

    @Test(arguments: words) func `a plain word means a command`(word: String, name: String?) {
        #expect(Command.invocation(ofWord: word)?.name == name)
    }

    @Test(arguments: [
        ("SHOW TABLES", "\\dt", ""), ("show views", "\\dt", ""), ("describe 'late events'", "\\d", "'late events'"),
        ("DESC counts", "\\d", "'counts'"), ("Summarize SELECT 1 AS a", "\\summary", "SELECT 1 AS a"),
    ])
    func `a statement of another system means a command`(statement: String, name: String, rest: String) {
        let invocation = Command.invocation(ofStatement: statement)
        #expect(invocation?.name == name)
        #expect(invocation?.rest == rest)
    }

    @Test(arguments: ["SHOW", "SHOW TABLES x", "show indexes", "describe", "desc a b", "summarize", "SELECT 1", ""])
    func `other statements are SQL`(statement: String) {
        #expect(Command.invocation(ofStatement: statement) == nil)
    }

    // MARK: Dispatch

    @Test(arguments: Command.allNames)
    func `a name runs its own command, and a program only where that is its purpose`(name: String) throws {
        let result = try run("\(name) /nowhere/x")
        #expect(!result.err.contains("there is no command \(name)"))
        switch Command.named(name)?.names[0] {
        case "\\!": #expect(result.commands == ["/nowhere/x"])
        case "\\e": #expect(result.commands.count == 1 && result.commands[0].hasPrefix("vi '"))
        default: #expect(result.commands.isEmpty)
        }
    }

    @Test(arguments: [
        ("\\lagg", "\\lagg: did you mean \\lag?"), (".shel touch x", ".shel: did you mean .shell?"),
        ("\\qqqqqqq", "\\qqqqqqq (\\? lists them)"), ("\\rm -rf x", "\\rm"), ("\\bash", "\\bash"),
        (".systems ls", ".systems: did you mean .system?"), ("\\? shel", "\\shel"), ("SELECT 1 \\shel ls", "\\shel"),
    ])
    func `an unknown command is one line of error, and runs nothing`(line: String, rest: String) throws {
        let result = try run("\(line)\nSELECT 'not reached';")
        #expect(result.code == 1)
        #expect(result.out.isEmpty)
        #expect(result.err.hasPrefix("error: there is no command \(rest)"))
        #expect(result.err.hasSuffix("\n") && result.err.split(separator: "\n").count == 1)
        #expect(result.commands.isEmpty)
    }

    @Test(arguments: [("\\!ls;", "ls;"), (".shell ls ;", "ls"), (".system ls", "ls")])
    func `the shell gets what was typed`(line: String, command: String) throws {
        #expect(try run(line).commands == [command])
    }

    // MARK: Help

    @Test(arguments: [40, 80, 114, 200]) func `help has every command once`(columns: Int) {
        let text = Command.helpText(columns: columns)
        let lines = Command.all.map { $0.helpLine(columns: columns) }
        for line in lines { #expect(text.split(separator: line, omittingEmptySubsequences: false).count == 2) }
        // Two lines of introduction, and before each group an empty line and its title.
        let others = 2 + 2 * Command.Group.allCases.count
        let count = lines.reduce(others) { $0 + $1.split(separator: "\n").count }
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().count == count)
    }

    @Test(arguments: Command.allNames) func `help knows every name, with its mark or without`(name: String) throws {
        let command = try #require(Command.named(name))
        let line = command.helpLine(columns: 80)
        #expect(try run("\\? \(name)").out.hasPrefix(line))
        #expect(try run("\\? \(name.dropFirst())").err.isEmpty)
    }
}
