// The formats of results, their options, and the text of values.

import SQLite

/// A format of results.
package enum OutputFormat: String, CaseIterable, Sendable {
    /// Lines and columns drawn with ASCII characters.
    case table
    /// Lines and columns drawn with box characters.
    case box
    /// Comma-separated values, RFC 4180, with CRLF line ends; an empty text is `""`, NULL is an empty field.
    case csv
    /// Tab-separated values; tab, line breaks and backslash are written `\t`, `\n`, `\r`, `\\`.
    case tsv
    /// One array of objects.
    case json
    /// One object per line.
    case jsonl
    /// A table in GitHub's Markdown.
    case markdown
    /// One `name = value` per line, with an empty line between rows.
    case line
    /// An HTML table.
    case html

    /// Rows can be written as they arrive, without knowing the widths of later ones.
    var streams: Bool { self != .table && self != .box && self != .markdown }

    /// The default representation of NULL.
    var defaultNull: String { self == .csv || self == .tsv ? "" : "NULL" }

    func renderer(_ style: RenderStyle) -> any ResultRenderer {
        switch self {
        case .table: TableRenderer(style, frame: .ascii)
        case .box: TableRenderer(style, frame: .box)
        case .markdown: TableRenderer(style, frame: .markdown)
        case .csv: CSVRenderer(style)
        case .tsv: TSVRenderer(style)
        case .json: JSONRenderer(isArray: true)
        case .jsonl: JSONRenderer(isArray: false)
        case .line: LineRenderer(style)
        case .html: HTMLRenderer(style)
        }
    }
}

/// Options of every format.
struct RenderStyle: Equatable {
    var showsHeader = true
    /// Representation of NULL; nil: the format's own. JSON always writes null.
    var null: String?
    /// The maximum width of a table's cell in columns; a longer text is cut. nil: no limit.
    var maxCellColumns: Int?
    /// The header is highlighted for a terminal.
    var usesColour = false
}

/// Writes one result.
protocol ResultRenderer {
    mutating func begin(_ columns: [String], to output: Output)
    mutating func row(_ values: [Value], to output: Output)
    /// Writes the rows still held, and the end of the result.
    mutating func end(to output: Output)
}

/// Values as text.
enum ValueText {
    /// The value for formats without types; nil for NULL. Blobs are written as SQL literals.
    static func plain(_ value: Value) -> String? {
        switch value {
        case .null: nil
        case .integer(let value): String(value)
        case .real(let value): real(value)
        case .text(let value): value
        case .blob(let bytes): blob(bytes)
        }
    }

    /// The shortest digits that read back as the same number.
    static func real(_ value: Double) -> String {
        value.isInfinite ? (value < 0 ? "-Inf" : "Inf") : value.description
    }

    private static let digits = Array("0123456789abcdef".utf8)

    static func blob(_ bytes: [UInt8]) -> String {
        let hex = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return "x'" + String(decoding: hex, as: UTF8.self) + "'"
    }

    /// Makes text safe for a terminal and for a cell of one line. Escapes the characters that would move the cursor,
    /// start an escape sequence or change the direction of writing.
    static func visible(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 < 0xC2 }) { return text }
        return text.unicodeScalars.reduce(into: "") { $0 += escape($1) ?? String($1) }
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String? {
        switch scalar.value {
        case 0x09: "\\t"
        case 0x0A: "\\n"
        case 0x0D: "\\r"
        case 0x00..<0x20, 0x7F..<0xA0: "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        case 0x061C, 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF:
            "\\u{" + String(scalar.value, radix: 16) + "}"
        default: nil
        }
    }
}
