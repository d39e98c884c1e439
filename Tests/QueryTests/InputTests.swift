// Input runs as a whole or not at all: a truncated statement does not run, and no data becomes input.

import Foundation
import Testing

@testable import LineEditor
@testable import Query
@testable import SQLite

/// Counts what is run in a shell.
private final class CountingTerminal: Terminal {
    var commands: [String] = []
    var code: Int32 = 0
    var size: TerminalSize? { nil }
    func page(_ text: String, with command: String) -> Bool { true }
    func run(_ command: String) -> Int32 {
        commands.append(command)
        return code
    }
    func feed(_ command: String) -> (descriptor: Int32, wait: () -> Int32)? { nil }
}

/// Lines of a person.
private final class Typed: LineSource {
    let isInteractive = true
    var lines: [String]
    init(_ lines: [String]) { self.lines = lines }
    func next(prompt: String, idle: () -> Void) -> LineEvent { lines.isEmpty ? .end : .line(lines.removeFirst()) }
}

@Suite struct InputTests {
    private let terminal = CountingTerminal()

    private func repl(_ source: any LineSource, keepsGoing: Bool = true) throws -> (
        code: Int32, out: String, err: String
    ) {
        var options = ReplOptions()
        (options.keepsGoing, options.showsHeader, options.format) = (keepsGoing, false, .tsv)
        let (out, err) = (Output(), Output())
        let folder = try Folder()
        let repl = Repl(
            session: makeSession(folder.file("none.db")), options: options, source: source, out: out, err: err,
            terminal: terminal, domain: NoDomainCommands(), wallClock: { 0 }, waitMilliseconds: { _ in })
        return (repl.run(), out.text, err.text)
    }

    /// An opening and a closing of something over the limit, and data in it that looks like input.
    static let long: [(String, String)] = [
        ("SELECT length('", "')"), ("SELECT 1 /*", "*/"), ("SELECT 1 AS \"", "\""), ("SELECT 1 AS [", "]"),
        ("SELECT 1 AS `", "`"), ("SELECT 'it''s", "'"), ("SELECT 1 -- '", ""),
    ]
    private static let padding = Array(repeating: String(repeating: "x", count: 1000), count: 1100)

    private static func script(_ opening: String, _ closing: String) -> [String] {
        [opening] + padding.map { opening.contains("--") ? "-- " + $0 : $0 }
            + (opening.contains("--") ? [] : ["\\! data", "SELECT 'data';", ".shell data", "exit"]) + [closing + ";"]
    }

    @Test(arguments: long, [true, false]) func `a script ends at a statement that is too long`(
        token: (String, String), keepsGoing: Bool
    ) throws {
        let lines = ["SELECT 'before';"] + Self.script(token.0, token.1) + ["\\! after", "SELECT 'after';"]
        let result = try repl(TextLines(lines.joined(separator: "\n")), keepsGoing: keepsGoing)
        #expect(result.out == "before\n")
        #expect(result.err == "error: the statement is longer than 1 MiB: it is skipped to its end\n")
        #expect(result.code == 1)
        #expect(terminal.commands.isEmpty)
    }

    @Test(arguments: long) func `a person continues after the end of a statement that is too long`(
        token: (String, String)
    ) throws {
        let result = try repl(Typed(Self.script(token.0, token.1) + ["SELECT 'after';"]))
        #expect(result.out.contains("after"))
        #expect(!result.out.contains("data"))
        #expect(terminal.commands.isEmpty)
    }

    @Test func `the rest of a long statement's last line is skipped too`() throws {
        let lines = ["SELECT '"] + Self.padding + ["'; SELECT '", "\\! data", "';", "SELECT 'after';"]
        let result = try repl(Typed(lines))
        #expect(result.out.contains("after"))
        #expect(terminal.commands.isEmpty)
    }

    @Test func `a file over the limit does not run`() throws {
        let folder = try Folder()
        let path = folder.file("big.sql")
        try Data("SELECT 'before';\nSELECT 1\n".utf8).write(to: URL(fileURLWithPath: path))
        let size = try InputFile.text(of: path, unless: InterruptFlag(), limitBytes: 26).utf8.count
        #expect(size == 26)
        #expect(throws: InputFailure.tooLarge(limitBytes: 25)) {
            try InputFile.text(of: path, unless: InterruptFlag(), limitBytes: 25)
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.truncate(atOffset: UInt64(InputFile.limitBytes) + 1)
        let result = try repl(TextLines("\\i \(path)\nSELECT 'after';"), keepsGoing: false)
        #expect(result.out.isEmpty)
        #expect(result.err == "error: \(path) is larger than 64 MiB: nothing of it was run; split it\n")
        #expect(result.code == 1)
        #expect(try repl(TextLines("\\i /dev/zero"), keepsGoing: false).code == 1)
        #expect(try repl(TextLines("\\i \(folder.path)"), keepsGoing: false).err.contains("Is a directory"))
    }

    @Test func `a long statement in a file ends the file alone`() throws {
        let folder = try Folder()
        let path = folder.file("long.sql")
        let lines = Self.script("SELECT '", "'") + ["SELECT 'rest of the file';"]
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
        let result = try repl(Typed(["\\i \(path)", "SELECT 'after';"]))
        #expect(result.out.contains("after"))
        #expect(!result.out.contains("rest of the file"))
        #expect(terminal.commands.isEmpty)
    }

    @Test(arguments: ["\u{2028}", "\u{2029}", "\u{85}", "\u{B}", "\u{C}", "\r", "\r\n", "\n"])
    func `only a line feed ends a line`(code: String) throws {
        let sql =
            "SELECT hex('a\(code)b');\n-- a comment \(code == "\r\n" || code == "\n" ? "" : code) \\! data\nSELECT 2;"
        let hex = "a\(code)b".utf8.map { String(format: "%02X", $0) }.joined()
        #expect(try repl(TextLines(sql)).out == "\(hex)\n2\n")
        #expect(try repl(Typed([sql])).out.contains(hex))
        #expect(terminal.commands.isEmpty)
    }

    @Test func `a standard input that fails runs nothing of its last line`() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let writer = ends[1]
        let long = [UInt8](("SELECT 'before';\nSELECT 'cut' " + String(repeating: " ", count: 9 << 20)).utf8)
        let thread = Thread {
            _ = PrivateFile.write(long, to: writer)
            close(writer)
        }
        thread.start()
        let result = try repl(DescriptorLines(descriptor: ends[0], interrupt: InterruptFlag()))
        #expect(result.out == "before\n")
        #expect(result.err == "error: a line of the standard input is longer than 8 MiB\n")
        #expect(result.code == 1)
        var byte = [UInt8](repeating: 0, count: 1 << 20)
        while read(ends[0], &byte, byte.count) > 0 {}
        close(ends[0])
        let closed = try repl(DescriptorLines(descriptor: 9999, interrupt: InterruptFlag()))
        #expect(closed.code == 1)
        #expect(closed.err == "error: cannot read the standard input: Bad file descriptor\n")
    }

    @Test func `a long history keeps its newest entries`() throws {
        let folder = try Folder()
        let file = PrivateFile(path: folder.file("history"))
        #expect(file.replace(with: (0..<100).map { ["\($0)", "SELECT \($0);"] }))
        guard case .records(let records) = file.contents(takesNewest: true, limitBytes: 100) else {
            Issue.record("unreadable")
            return
        }
        #expect(records.last == ["99", "SELECT 99;"])
        #expect(records.allSatisfy { $0.count == 2 })
        #expect(file.contents(takesNewest: false, limitBytes: 100) == .unreadable)
    }

    @Test func `a user's file that is not a regular file does not change`() throws {
        let folder = try Folder()
        let device = folder.file("null")
        try FileManager.default.createSymbolicLink(atPath: device, withDestinationPath: "/dev/null")
        let fifo = folder.file("fifo")
        #expect(mkfifo(fifo, 0o666) == 0)
        for path in [device, fifo, folder.path] {
            let before = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            let history = History(path: path)
            history.add("SELECT 1;", at: 1)
            #expect(history.entries.count == 1)
            #expect(!NamedQueries(path: path).save("mine", "SELECT 1"))
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == before)
        }
        let (link, target) = (folder.file("link"), folder.file("target"))
        try Data().write(to: URL(fileURLWithPath: target))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "target")
        #expect(NamedQueries(path: link).save("mine", "SELECT 1"))
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "mine\tSELECT 1\n")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "target")
    }

    @Test func `an editor that fails leaves the statement`() throws {
        terminal.code = 1
        let result = try repl(Typed(["SELECT 'precious',", "\\e", "\\p"]))
        #expect(result.out.contains("precious"))
        #expect(result.err.contains("the editor failed with 1"))
    }
}
