// The formats with one value per line, and HTML.

import SQLite

/// `name = value` lines with right-aligned names, and an empty line between rows.
struct LineRenderer: ResultRenderer {
    private let style: RenderStyle
    private var names: [String] = []
    private var isFirst = true

    init(_ style: RenderStyle) { self.style = style }

    mutating func begin(_ columns: [String], to output: Output) {
        let shown = columns.map(ValueText.visible)
        let width = shown.map { DisplayWidth.of($0) }.max() ?? 0
        names = shown.map { String(repeating: " ", count: width - DisplayWidth.of($0)) + $0 }
    }

    mutating func row(_ values: [Value], to output: Output) {
        if !isFirst { output.write("\n") }
        isFirst = false
        for (name, value) in zip(names, values) {
            let text = ValueText.plain(value).map(ValueText.visible) ?? style.null ?? "NULL"
            output.write("\(name) = \(text)\n")
        }
    }

    func end(to output: Output) {}
}

/// An HTML table.
struct HTMLRenderer: ResultRenderer {
    private let style: RenderStyle

    init(_ style: RenderStyle) { self.style = style }

    func begin(_ columns: [String], to output: Output) {
        output.write("<table>\n")
        guard style.showsHeader else { return }
        output.write("<tr>" + columns.map { "<th>\(Self.escaped($0))</th>" }.joined() + "</tr>\n")
    }

    func row(_ values: [Value], to output: Output) {
        output.write("<tr>" + values.map(cell).joined() + "</tr>\n")
    }

    func end(to output: Output) { output.write("</table>\n") }

    private func cell(_ value: Value) -> String {
        let text = Self.escaped(ValueText.plain(value) ?? style.null ?? "NULL")
        return value.isNumber ? "<td align=\"right\">\(text)</td>" : "<td>\(text)</td>"
    }

    static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Value {
    var isNumber: Bool {
        switch self {
        case .integer, .real: true
        default: false
        }
    }
}
