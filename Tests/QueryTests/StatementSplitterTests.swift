import Foundation
import Testing

@testable import Query

@Suite struct StatementSplitterTests {
    @Test(arguments: [
        ("", [], true),
        (" ;; -- nothing\n ; /* x */", [], true),
        ("SELECT 1", ["SELECT 1"], true),
        ("SELECT 1;", ["SELECT 1"], true),
        ("SELECT 1; SELECT 2 ;", ["SELECT 1", "SELECT 2"], true),
        ("SELECT ';' ; SELECT \";\", [;], `;`", ["SELECT ';'", "SELECT \";\", [;], `;`"], true),
        ("SELECT 'it''s; fine'; x", ["SELECT 'it''s; fine'", "x"], true),
        ("-- a; b\nSELECT 1 -- c; d\n, 2;", ["SELECT 1 -- c; d\n, 2"], true),
        ("/* a; */ SELECT /* ; */ 1", ["SELECT /* ; */ 1"], true),
        ("SELECT 1 /* open ; ", ["SELECT 1"], false),
        ("SELECT 'open ; ", ["SELECT 'open ; "], false),
        ("SELECT 5 - -1; SELECT 4/2;", ["SELECT 5 - -1", "SELECT 4/2"], true),
        (
            "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END; SELECT 3",
            ["CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END", "SELECT 3"], true
        ),
        ("CREATE TEMP TRIGGER t BEGIN SELECT 1;", ["CREATE TEMP TRIGGER t BEGIN SELECT 1;"], false),
        ("SELECT CASE WHEN 1 THEN 2 END; SELECT 1", ["SELECT CASE WHEN 1 THEN 2 END", "SELECT 1"], true),
    ])
    func `text is cut at the semicolons that end statements`(text: String, expected: [String], isClosed: Bool) {
        let split = StatementSplitter.split(text)
        #expect(split.statements.map(\.text) == expected)
        #expect((split.openToken == nil) == isClosed)
    }

    @Test func `a statement has its position`() {
        let split = StatementSplitter.split("-- first\nSELECT 'é';\n\n  SELECT\n 2;\nSELECT 3")
        #expect(split.statements.map(\.line) == [2, 4, 6])
        #expect(split.statements.map(\.byteOffset) == [9, 25, 36])
        #expect(split.statements.map(\.isComplete) == [true, true, false])
        #expect(split.completeEnd == 35)
    }

    @Test func `it ends statements where sqlite3_complete does`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(state: seed)
        let parts = [
            ";", " ", "\n", "'", "''", "\"", "`", "[", "]", "--", "/*", "*/", "CREATE", "TEMP", "TRIGGER", "END",
            "EXPLAIN",
            "SELECT", "é", "1", "-", "/", "*", "x", "BEGIN", "$a", "(", "\t",
        ]
        let texts = (0..<3000).map { _ in
            (0..<Int.random(in: 0...12, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
                .joined(separator: Bool.random(using: &random) ? " " : "")
        }
        let answers = try python(
            "import sys,json,sqlite3; print(json.dumps([sqlite3.complete_statement(t) for t in json.load(sys.stdin)]))",
            input: String(decoding: JSONEncoder().encode(texts), as: UTF8.self))
        let expected = try JSONDecoder().decode([Bool].self, from: Data(answers.utf8))
        for (text, isComplete) in zip(texts, expected) {
            let split = StatementSplitter.split(text)
            let rest = Array(text.utf8).dropFirst(split.completeEnd)
            let restSplit = StatementSplitter.split(String(decoding: rest, as: UTF8.self))
            let ours = split.completeEnd > 0 && restSplit.statements.isEmpty && split.openToken == nil
            #expect(ours == isComplete, "seed \(seed): \(text.debugDescription)")
        }
    }

    @Test func `arbitrary bytes are cut without loss`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(state: seed)
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let all = Array(text.utf8)
            var last = 0
            for piece in StatementSplitter.split(text).statements {
                let end = piece.byteOffset + piece.text.utf8.count
                #expect(piece.byteOffset >= last && end <= all.count, "seed \(seed)")
                #expect(Array(piece.text.utf8) == Array(all[piece.byteOffset..<end]), "seed \(seed)")
                last = end
            }
        }
    }
}
