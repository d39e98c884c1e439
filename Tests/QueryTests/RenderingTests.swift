import Foundation
import Testing

@testable import Query
@testable import SQLite

@Suite struct RenderingTests {
    static let columns = ["postcode", "count", "ratio", "note"]
    static let rows: [[Value]] = [
        [.text("SW19"), .integer(42), .real(0.1), .text("plain")],
        [.text("東京"), .integer(-7), .real(1e300), .null],
        [.text("e\u{301}té 👩‍👩‍👧🇬🇧"), .integer(.max), .real(2), .text("a,\"b\"\t|c\\\n<d>")],
        [.text(""), .null, .real(-.infinity), .blob([0, 255, 16])],
    ]

    static func render(
        _ format: OutputFormat, _ columns: [String] = columns, _ rows: [[Value]] = rows,
        _ style: RenderStyle = RenderStyle()
    ) -> String {
        let output = Output()
        var renderer = format.renderer(style)
        renderer.begin(columns, to: output)
        for row in rows { renderer.row(row, to: output) }
        renderer.end(to: output)
        return output.text
    }

    @Test(arguments: OutputFormat.allCases)
    func `each format matches its pinned file`(format: OutputFormat) throws {
        try expectPinned(Self.render(format), "format-\(format.rawValue).txt")
    }

    @Test(arguments: OutputFormat.allCases)
    func `each format of an empty result matches its pinned file`(format: OutputFormat) throws {
        try expectPinned(Self.render(format, ["a", "b"], []), "empty-\(format.rawValue).txt")
    }

    @Test(arguments: OutputFormat.allCases)
    func `each format without header and with a NULL text matches its pinned file`(format: OutputFormat) throws {
        let style = RenderStyle(showsHeader: false, null: "∅")
        try expectPinned(Self.render(format, ["a"], [[.null], [.integer(1)]], style), "bare-\(format.rawValue).txt")
    }

    @Test func `a long cell is shortened with a mark`() {
        let style = RenderStyle(maxCellColumns: 6)
        #expect(
            Self.render(.table, ["a"], [[.text("abcdefgh")], [.text("東京都庁")], [.text("abcdef")]], style) == """
                +--------+
                | a      |
                +--------+
                | abcde… |
                | 東京…  |
                | abcdef |
                +--------+

                """)
    }

    @Test func `rows after the measured ones are kept whole`() {
        let rows = Array(repeating: [Value.text("a")], count: TableRenderer.measuredRows) + [[.text("wider")]]
        #expect(Self.render(.table, ["x"], rows).hasSuffix("| a |\n| wider |\n+---+\n"))
    }

    @Test func `control characters cannot reach the terminal`() {
        let evil = Value.text("\u{1B}[2Jx\u{7}\u{9B}\u{202E}\u{0}")
        for format in [OutputFormat.table, .box, .markdown, .line] {
            let shown = Self.render(format, ["a"], [[evil]])
            #expect(
                shown.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
            #expect(!shown.contains("\u{202E}"))
        }
    }

    @Test func `equal column names stay distinct in JSON`() {
        #expect(
            Self.render(.json, ["a", "a", "a_2"], [[.integer(1), .integer(2), .integer(3)]])
                == "[{\"a\":1,\"a_2\":2,\"a_2_2\":3}]\n")
    }

    @Test(arguments: [
        ("abc", 3), ("é", 1), ("e\u{301}", 1), ("東京", 4), ("ｱ", 1), ("Ａ", 2), ("👍", 2), ("👍🏽", 2), ("👩‍👩‍👧", 2),
        ("🇬🇧", 2), ("1️⃣", 2), ("❤️", 2), ("❤", 1), ("한", 2), ("\u{1112}\u{1161}\u{11AB}", 2), ("\u{200B}", 0), ("ก็", 1),
        ("…", 1), ("", 0),
    ])
    func `text has its width on a terminal`(text: String, columns: Int) {
        #expect(DisplayWidth.of(text) == columns)
    }

    @Test func `widths agree with Python's Unicode tables`() throws {
        let program = """
            import unicodedata as u
            w=[]
            for c in range(0xA0, 0x110000):
                ch=chr(c); k=u.category(ch)
                if k in ('Cn','Cs','Co') or 0x1160<=c<=0x11ff or 0xd7b0<=c<=0xd7ff or c==0xad: continue
                n=0 if k in ('Mn','Me','Cf','Cc','Zl','Zp') else 2 if u.east_asian_width(ch) in 'WF' else 1
                w.append('%x %d' % (c,n))
            print('\\n'.join(w))
            """
        var differences = 0
        for line in try python(program).split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard parts.count == 2, let value = UInt32(parts[0], radix: 16), let scalar = Unicode.Scalar(value) else {
                continue
            }
            if DisplayWidth.width(of: scalar) != Int(parts[1]) { differences += 1 }
        }
        // The interpreter's Unicode version may differ in a few new characters.
        #expect(differences < 200)
    }

    @Test func `base64 agrees with Foundation`() {
        for count in 0..<50 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
        }
    }
}

/// Compares with a file in Fixtures; PIN=1 writes the file instead.
func expectPinned(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)")
    if ProcessInfo.processInfo.environment["PIN"] == "1" { try Data(text.utf8).write(to: file) }
    let pinned = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    #expect(text == pinned, sourceLocation: sourceLocation)
}
