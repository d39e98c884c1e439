// CSV (RFC 4180, https://www.rfc-editor.org/rfc/rfc4180) and TSV, row by row.

import SQLite

/// Comma-separated values.
struct CSVRenderer: ResultRenderer {
    let style: RenderStyle
    init(_ style: RenderStyle) { self.style = style }

    func begin(_ columns: [String], to output: Output) {
        if style.showsHeader { record(columns.map { Optional($0) }, to: output) }
    }

    func row(_ values: [Value], to output: Output) { record(values.map(ValueText.plain), to: output) }

    func end(to output: Output) {}

    /// Writes a NULL that is the only field as `""`, since readers skip an empty line.
    private func record(_ fields: [String?], to output: Output) {
        for (index, field) in fields.enumerated() {
            if index > 0 { output.write(byte: UInt8(ascii: ",")) }
            output.write(field.map(quoted) ?? style.null ?? (fields.count == 1 ? Self.quoted("") : ""))
        }
        output.write("\r\n")
    }

    /// Quotes a text that equals the representation of NULL, so that they differ.
    private func quoted(_ text: String) -> String {
        text == style.null ? text.quoted(with: "\"") : Self.quoted(text)
    }

    /// Quotes an empty text, so that it differs from NULL.
    static func quoted(_ text: String) -> String {
        let needsQuotes = text.isEmpty || text.utf8.contains { $0 == 0x2C || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
        return needsQuotes ? text.quoted(with: "\"") : text
    }
}

/// Tab-separated values.
struct TSVRenderer: ResultRenderer {
    let style: RenderStyle
    init(_ style: RenderStyle) { self.style = style }

    func begin(_ columns: [String], to output: Output) {
        if style.showsHeader { record(columns.map { Optional($0) }, to: output) }
    }

    func row(_ values: [Value], to output: Output) { record(values.map(ValueText.plain), to: output) }

    func end(to output: Output) {}

    private func record(_ fields: [String?], to output: Output) {
        for (index, field) in fields.enumerated() {
            if index > 0 { output.write(byte: 0x09) }
            if let field { Self.escape(field, to: output) } else { output.write(style.null ?? "") }
        }
        output.write(byte: 0x0A)
    }

    private static func escape(_ text: String, to output: Output) {
        for byte in text.utf8 {
            switch byte {
            case 0x09: output.write("\\t")
            case 0x0A: output.write("\\n")
            case 0x0D: output.write("\\r")
            case 0x5C: output.write("\\\\")
            default: output.write(byte: byte)
            }
        }
    }
}
