import Foundation
import Testing

@testable import LineEditor
@testable import Query
@testable import SQLite

/// A terminal without programs.
private struct NoTerminal: Terminal {
    var size: TerminalSize? { TerminalSize(rows: 24, columns: 80) }
    func page(_ text: String, with command: String) -> Bool { true }
    func run(_ command: String) -> Int32 { 0 }
    func feed(_ command: String) -> (descriptor: Int32, wait: () -> Int32)? { nil }
}

/// Lines that a person types one by one.
private final class TypedLines: LineSource {
    let isInteractive = true
    var events: [LineEvent]
    var prompts: [String] = []
    var remembered: [String] = []

    init(_ events: [LineEvent]) { self.events = events }

    func next(prompt: String, idle: () -> Void) -> LineEvent {
        prompts.append(prompt)
        idle()
        return events.isEmpty ? .end : events.removeFirst()
    }

    func remember(_ entry: String) { remembered.append(entry) }
}

@Suite struct ReplTests {
    @discardableResult
    private func repl(
        _ source: any LineSource, over session: QuerySession, _ options: ReplOptions = ReplOptions()
    ) -> (code: Int32, out: String, err: String) {
        let (out, err) = (Output(), Output())
        let repl = Repl(
            session: session, options: options, source: source, out: out, err: err, terminal: NoTerminal(),
            domain: NoDomainCommands(), wallClock: { 1_611_666_240_000 }, waitMilliseconds: { _ in })
        return (repl.run(), out.text, err.text)
    }

    @Test func `the prompt shows what is still open`() throws {
        let lines = TypedLines([
            .line("SELECT 1,"), .line("'open"), .line("';"), .line("/* a"), .line("*/"), .line("SELECT \"x"),
            .interrupted,
            .line("-- only a comment"), .line("\\begin"), .line("\\end"),
        ])
        repl(lines, over: try TestState().session())
        #expect(
            lines.prompts == [
                "pageviews> ", "      ...> ", "        '> ", "pageviews> ", "       /*> ", "pageviews> ", "       \"> ",
                "pageviews> ", "pageviews> ", "pageviews*> ", "pageviews> ",
            ])
        #expect(lines.remembered == ["SELECT 1,\n'open\n';", "\\begin", "\\end"])
    }

    @Test func `pasted lines are statements and commands each`() throws {
        let lines = TypedLines([.line("SELECT 1 AS a;\n.mode csv\nSELECT 2 AS b; SELECT\n3 AS c;\n\\x on")])
        let result = repl(lines, over: try TestState().session())
        #expect(result.out.contains("| 1 |"))
        #expect(result.out.contains("b\r\n2\r\nc\r\n3\r\n"))
        #expect(lines.remembered == ["SELECT 1 AS a;", ".mode csv", "SELECT 2 AS b;", "SELECT\n3 AS c;", "\\x on"])
    }

    @Test func `a script's errors name their lines, also after other statements on the line`() throws {
        let script = "SELECT 1; SELECT 2;\n\n-- note\nSELECT 3; SELECT\n nope;"
        let result = repl(TextLines(script), over: try TestState().session())
        #expect(result.code == 1)
        #expect(result.err == "error: no such column: nope\nline 5:  nope\n         ^\n")
    }

    @Test func `an interrupt while output is written ends watch and all that was entered`() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let session = try TestState().session()
        var looks = 0
        var rounds = 0
        let lines = TypedLines([.line("SELECT 1 AS a; \\watch 0.1\nSELECT 'rest' AS b;")])
        let out = Output(descriptor: ends[1])
        let repl = Repl(
            session: session, options: ReplOptions(), source: lines, out: out, err: Output(), terminal: NoTerminal(),
            domain: NoDomainCommands(),
            wallClock: {
                // The third call is for the head of the first screen, just before it is written.
                looks += 1
                if looks == 3 { session.interrupt.raise() }
                return 0
            },
            waitMilliseconds: { _ in
                rounds += 1
                if rounds > 3 { session.interrupt.raiseForGood() }
            })
        #expect(repl.run() == 0)
        #expect(rounds == 0)
        #expect(lines.remembered == ["SELECT 1 AS a;", "\\watch 0.1"])
    }

    @Test func `an interrupted statement takes the rest of the line with it`() throws {
        var looks = 0
        let interrupt = InterruptFlag()
        let session = try TestState().session {
            $0.interrupt = interrupt
            $0.limits.timeoutMilliseconds = 1_000_000
            $0.monotonicClock = {
                looks += 1
                if looks == 50 { interrupt.raise() }
                return looks
            }
        }
        let endless =
            "SELECT count(*) FROM counts a, counts b, counts c, counts d, counts e, counts f, counts g, counts h"
        let text =
            "SELECT 1 AS a; \(endless), counts i, counts j, counts k, counts l; SELECT 'rest' AS b;\nSELECT 'next' AS c;"
        let result = repl(TypedLines([.line(text), .line("SELECT 'later' AS d;")]), over: session)
        #expect(result.err == "\ninterrupted\n")
        #expect(result.out.contains("| 1 |") && result.out.contains("| later |"))
        #expect(!result.out.contains("rest") && !result.out.contains("next"))
    }

    @Test func `a statement that never ends is abandoned`() throws {
        let line = String(repeating: "x", count: 600_000)
        let result = repl(
            TypedLines([.line(line), .line(line), .line("SELECT 5 AS a;"), .line("SELECT 6 AS a;")]),
            over: try TestState().session())
        #expect(result.err == "error: the statement is longer than 1 MiB: it is skipped to its end\n")
        // The first line with a semicolon still ends the statement.
        #expect(result.out.contains("| 6 |") && !result.out.contains("| 5 |"))
    }

    @Test func `random scripts end, and change nothing`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(state: seed)
        let state = try TestState()
        let parts = [
            "SELECT 1", "SELECT 'a' AS b, 2 AS c", ";", "'", "\"", "--", "/*", "*/", "\\", "\\x", ".mode", "csv",
            "\\gset", "\\param",
            "\\set", "\n", " ", "\\chart", "line", "é", "\u{301}", "\0", "(", ")", "\\history", "\\?", "FROM counts",
            "\\last", "\\p",
            "\\r", "\\g", "\\G", ":b", "@c", "\\begin", "\\end", "\\lag", "\\watermark", "\\window", "\\f", "busiest",
            "\\d", "late_events",
            "\\summary", "show tables", "describe counts", "\\pset", "null", "\\timing", "\\watch 0.1 2",
            "EXPLAIN QUERY PLAN ",
            "DELETE FROM counts", "BEGIN", "\\echo", "\\conninfo", "\\show", "\\fs", "\\copy",
            // Text appended to the path stays in the test's own folder.
            "\\once \(state.folder.file("out"))", "WITH x AS (SELECT 1)",
        ]
        let before = try state.fingerprint()
        for round in 0..<150 {
            let text = (0..<Int.random(in: 1...40, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
            }
            .joined(separator: Bool.random(using: &random) ? " " : "")
            var options = ReplOptions()
            options.keepsGoing = true
            let session = state.session { $0.limits.timeoutMilliseconds = nil }
            let code =
                round.isMultiple(of: 2)
                ? repl(TextLines(text), over: session, options).code
                : repl(TypedLines([.line(text)]), over: session, options).code
            #expect(code == 0 || code == 1, "seed \(seed), round \(round)")
        }
        #expect(try state.fingerprint() == before, "seed \(seed)")
    }

    @Test func `a query plan is a tree`() throws {
        let plan = "EXPLAIN QUERY PLAN SELECT * FROM counts WHERE n IN (SELECT max(n) FROM counts UNION SELECT 1);"
        let result = repl(TypedLines([.line(plan)]), over: try TestState().session())
        #expect(result.out.contains("QUERY PLAN\n|--SCAN counts\n`--LIST SUBQUERY"))
        // The words of a plan are SQLite's and differ by its version; the depth of the branches is ours.
        #expect(result.out.contains(/\n   `--[A-Z (]+\)?\n      \|--LEFT/))
        var odd = ResultSet(columns: ["id", "parent", "notused", "detail"])
        odd.rows = [[.integer(1), .integer(1), .integer(0), .text("its own parent")], [.null, .null, .null, .null]]
        #expect(PlanTree.text(of: odd) == nil)
        odd.rows.removeLast()
        #expect(PlanTree.text(of: odd) == "QUERY PLAN\n")
    }

    @Test func `statements of other systems work`() throws {
        let lines = TypedLines([
            .line("SHOW TABLES;"), .line("describe 'late_events';"), .line("SUMMARIZE counts;"),
            .line("\\summary SELECT 1.5 AS a UNION ALL SELECT NULL;"), .line("\\summary nothing"),
        ])
        let result = repl(lines, over: try TestState().session())
        #expect(result.out.contains("| postcode_view_count | views per postcode and minute; live"))
        #expect(result.out.contains("| lateness_ms     | INTEGER |"))
        let rows = result.out.split(separator: "\n").map { $0.split(separator: "|").map { String($0).trimmed } }
        #expect(rows.contains(["n", "10", "12", "11.0", "3", "0", "3"]))
        #expect(rows.contains(["a", "1.5", "1.5", "1.5", "1", "1", "2"]))
        #expect(result.err.contains("no such table: nothing"))
    }

    @Test(arguments: [
        ("\\x", "\\x", []), (" .mode csv ;", ".mode", ["csv"]), ("\\?", "\\?", []), ("\\!ls -l", "\\!", ["ls", "-l"]),
        ("\\d 'my table' \"x y\"", "\\d", ["my table", "x y"]), ("\\set a 'it''s' b''c", "\\set", ["a", "it's", "bc"]),
        ("\\fs n SELECT 'a b';", "\\fs", ["n", "SELECT", "a b"]), ("\\set x ''", "\\set", ["x", ""]),
        ("\\o 'open quote", "\\o", ["open quote"]), ("\\dt+ x", "\\dt+", ["x"]),
    ])
    func `a command is a name and words`(line: String, name: String, arguments: [String]) {
        let command = Invocation(line)
        #expect(command?.name == name)
        #expect(command?.arguments == arguments)
    }

    @Test(arguments: ["", "SELECT 1", ".5", "\\", ".", "\\ x", "...", "\\1", "-- \\x"])
    func `other lines are not commands`(line: String) {
        #expect(Invocation(line) == nil)
    }

    @Test(arguments: [
        ("SELECT 1 \\gx", "SELECT 1 ", "\\gx"),
        ("SELECT '\\x', \"\\y\" \\watch 2", "SELECT '\\x', \"\\y\" ", "\\watch 2"),
        ("SELECT 1; \\x", "SELECT 1; ", "\\x"),
    ])
    func `a command may follow a statement`(line: String, sql: String, command: String) {
        let split = InputLine.trailingCommand(in: line)
        #expect(split?.sql == sql)
        #expect(split?.command == command)
        #expect(InputLine.trailingCommand(in: sql) == nil)
    }

    @Test(arguments: [
        ("late_events to x.json", "SELECT * FROM late_events", "x.json", OutputFormat.json),
        ("(SELECT 'to' FROM t) TO 'a b.csv'", "SELECT 'to' FROM t", "a b.csv", .csv),
        ("to out.md", "", "out.md", .markdown), ("SELECT 1 to out", "SELECT 1", "out", .csv),
        ("t to out.csv jsonl", "SELECT * FROM t", "out.csv", .jsonl),
    ])
    func `copy takes what, where and how`(text: String, sql: String, path: String, format: OutputFormat) {
        let request = CopyRequest(text)
        #expect(request?.sql ?? "" == sql)
        #expect(request?.path == path)
        #expect(request?.format == format)
    }

    @Test(arguments: ["", "t", "t to", "t to a b c", "(SELECT 1 to 2)"])
    func `copy refuses what is not clear`(text: String) {
        #expect(CopyRequest(text) == nil)
    }

    @Test func `every command has one meaning, help, and is known by all its spellings`() {
        #expect(Set(Command.allNames).count == Command.allNames.count)
        for command in Command.all {
            #expect(!command.help.isEmpty)
            for name in command.names { #expect(Command.named(name)?.names == command.names) }
        }
    }

    @Test(arguments: [
        ("", "\\wa", CompletionContext.Wanted.commands), ("SELECT 1 ", "\\wa", .commands), ("\\i ", "", .files),
        ("\\copy t to ", "x", .files), ("\\copy ", "l", .relations), (".mode ", "", .formats), ("\\f ", "b", .queries),
        ("SELECT * FROM ", "p", .relations), ("SELECT * FROM a, ", "p", .relations),
        ("SELECT * FROM a JOIN ", "", .relations),
        ("SELECT * FROM t WHERE postcode = ", "S", .postcodes(.statement)),
        ("SELECT * FROM t WHERE postcode = '", "S", .postcodes(.string)),
        ("SELECT * FROM t WHERE postcode IN ('A', '", "S", .postcodes(.string)),
        ("SELECT * FROM t WHERE postcode NOT LIKE '", "S", .postcodes(.string)),
        ("SELECT * FROM t WHERE note = '", "S", .nothing), ("SELECT ", ":p", .parameters(mark: ":")),
        ("SELECT postcode, ", "c", .columns(qualifier: nil, tables: [])),
        ("SELECT count(postcode, ", "c", .columns(qualifier: nil, tables: [])),
        ("\\copy (SELECT * FROM t WHERE postcode = '", "S", .postcodes(.string)),
        ("\\copy (SELECT * FROM ", "l", .relations), ("\\copy (SELECT 1) to ", "x", .files),
        ("\\window ", "S", .postcodes(.command)), ("\\timing ", "", .words(["off", "on"])),
    ])
    func `the position of the cursor decides what TAB offers`(
        before: String, word: String, wanted: CompletionContext.Wanted
    ) {
        #expect(CompletionContext(before: before, whole: before + word, word: word).wanted == wanted)
    }

    @Test func `tables named anywhere in the statement decide the columns`() {
        let context = CompletionContext(
            before: "SELECT ", whole: "SELECT po FROM late_events AS l JOIN exports e ON 1", word: "po")
        #expect(context.wanted == .columns(qualifier: nil, tables: ["late_events", "exports"]))
        let qualified = CompletionContext(
            before: "SELECT ", whole: "SELECT e.s FROM late_events l, exports e", word: "e.s")
        #expect(qualified.wanted == .columns(qualifier: "e", tables: ["exports"]))
    }

    @Test func `history survives, is private to the user, and keeps its limit`() throws {
        let folder = try Folder()
        let path = folder.file("history")
        let first = History(path: path)
        first.add("SELECT 'a\tb\\n'\n, 2;", at: 5)
        first.add("\\x", at: 6)
        first.add("\\x", at: 7)
        #expect(History(path: path).entries == first.entries)
        #expect(first.entries.count == 2)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        let many = (0..<History.entryLimit + 50).map { ["\($0)", "SELECT \($0);"] }
        #expect(PrivateFile(path: path).replace(with: many))
        #expect(History(path: path).entries.count == History.entryLimit)
        guard case .records(let records) = PrivateFile(path: path).contents(takesNewest: true) else {
            Issue.record("the history cannot be read")
            return
        }
        #expect(records.count == History.entryLimit)
        try Data("garbage\n\t\t\n5\tgood\n\u{FFFD}\\".utf8).write(to: URL(fileURLWithPath: path))
        #expect(History(path: path).entries.map(\.text) == ["good"])
    }

    @Test func `any text survives a private file`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(state: seed)
        let parts = ["\\", "n", "t", "\n", "\t", "\r", "é", "\u{301}", "\\\\", "x", "\0"]
        for _ in 0..<500 {
            let text = (0..<Int.random(in: 0...9, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
            }.joined()
            #expect(Array(PrivateFile.unescaped(PrivateFile.escaped(text)).utf8) == Array(text.utf8), "seed \(seed)")
        }
    }

    @Test func `a chart takes any numbers`() {
        let values: [[Double]] = [
            [], [0], [5], [0, 0], [-3, 4], [1e308, -1e308], [1, 2, 3, .greatestFiniteMagnitude], [0.1, 0.25],
        ]
        for numbers in values {
            let points = numbers.enumerated().map { Chart.Point(label: "row \($0)", value: $1) }
            for (columns, rows) in [(80, 24), (1, 1), (10_000, 3)] {
                for kind in Chart.Kind.allCases {
                    let text = Chart(points: points, columns: columns, rows: rows).draw(kind)
                    #expect(!text.isEmpty)
                }
            }
        }
    }

    @Test func `a chart finds its columns`() {
        let result = ResultSet(
            columns: ["t", "Views", "n"],
            rows: [[.text("a"), .integer(3), .null], [.text("b"), .real(1.5), .integer(9)]])
        #expect(
            Chart.points(result, label: nil, value: nil) == [
                .init(label: "a", value: 3), .init(label: "b", value: 1.5),
            ])
        #expect(
            Chart.points(result, label: "views", value: "N") == [
                .init(label: "3", value: 0), .init(label: "1.5", value: 9),
            ])
        #expect(Chart.points(result, label: "nope", value: nil) == nil)
        #expect(Chart.points(result, label: "t", value: "nope") == nil)
        #expect(Chart.points(ResultSet(columns: ["t"], rows: [[.text("a")]]), label: nil, value: nil) == nil)
    }

    @Test func `lines from a pipe are read as they arrive`() {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let lines = DescriptorLines(descriptor: ends[0], interrupt: InterruptFlag())
        var idles = 0
        let rest = ["ne\r\ntwo\n\n", "last"]
        #expect(write(ends[1], "o", 1) == 1)
        let first = lines.next(prompt: "") {
            if idles == 1 { _ = write(ends[1], rest[0], rest[0].utf8.count) }
            idles += 1
        }
        // A carriage return may be part of a text that continues on the next line.
        #expect(first == .line("one\r"))
        #expect(lines.next(prompt: "", idle: {}) == .line("two"))
        #expect(lines.next(prompt: "", idle: {}) == .line(""))
        _ = write(ends[1], rest[1], rest[1].utf8.count)
        close(ends[1])
        #expect(lines.next(prompt: "", idle: {}) == .line("last"))
        #expect(lines.next(prompt: "", idle: {}) == .end)
        close(ends[0])
    }
}
