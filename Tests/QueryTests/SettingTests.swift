// The table of the prompt's settings: its rows, and the commands and psql names that change them.

import Testing

@testable import Query

@Suite struct SettingTests {
    /// Runs a script.
    private func run(_ script: String) throws -> (code: Int32, lines: [String], err: String) {
        let folder = try Folder()
        let (out, err) = (Output(), Output())
        let repl = Repl(
            session: makeSession(folder.file("none.db")), options: ReplOptions(), source: TextLines(script), out: out,
            err: err, terminal: SystemTerminal(), domain: NoDomainCommands(), wallClock: { 0 },
            waitMilliseconds: { _ in })
        let code = repl.run()
        return (code, out.text.split(separator: "\n").map(String.init), err.text)
    }

    @Test func `no two settings share a name`() {
        let names = Setting.all.flatMap(\.names)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { !$0.isEmpty })
        for name in names { #expect(Setting.named(name)?.names.contains(name) == true) }
    }

    @Test func `show lists every setting in the table's order, and where results go`() throws {
        let lines = try run(".show").lines
        #expect(
            lines == [
                "format   tsv", "expanded auto", "header   on", "null     ", "pager    on", "width    60",
                "timing   off", "output   here",
            ])
        #expect(lines.map { $0.prefix { $0 != " " } } == (Setting.allNames + ["output"]).map { $0[...] })
        #expect(try run("\\pset").lines == lines)
    }

    @Test(arguments: [
        ("\\format json", "format   json"), ("\\pset format md", "format   markdown"),
        ("\\x", "expanded on"), ("\\x on\n\\x", "expanded off"), ("\\pset x", "expanded on"),
        ("\\pset expanded off", "expanded off"),
        (".headers", "header   off"), ("\\pset header", "header   off"), ("\\pset header no", "header   off"),
        ("\\pset tuples_only", "header   off"), ("\\pset tuples_only off", "header   on"),
        ("\\pset t on", "header   off"), (".headers off\n\\pset t", "header   on"),
        ("\\pset null -", "null     -"), (".nullvalue x\n\\pset null", "null     "),
        ("\\pset pager", "pager    off"), ("\\pset width 2", "width    4"), ("\\pset width off", "width    off"),
        ("\\timing", "timing   on"), ("\\pset timing always", "timing   on"),
        ("\\pset border 2", "format   table"), ("\\pset linestyle unicode", "format   box"),
        ("\\pset linestyle ascii", "format   table"),
    ])
    func `a setting takes a value, or the other one`(script: String, line: String) throws {
        let result = try run("\(script)\n.show")
        #expect(result.err.isEmpty)
        #expect(result.lines.contains(line))
    }

    @Test(arguments: [
        ("\\pset fromat csv", "there is no setting fromat: did you mean format?"),
        ("\\pset colour", "there is no setting colour (format, expanded, header, null, pager, width, timing)"),
        ("\\pset border 1", "there is no setting border (format, expanded, header, null, pager, width, timing)"),
        ("\\pset linestyle", "there is no setting linestyle (format, expanded, header, null, pager, width, timing)"),
        ("\\x maybe", "\\x takes on, off or auto"),
    ])
    func `an unknown setting or value is one line of error`(line: String, message: String) throws {
        let result = try run("\(line)\n.show")
        #expect(result.code == 1)
        #expect(result.err.replacing("\n", with: "") == "error: \(message)")
        #expect(result.lines.isEmpty)
    }
}
