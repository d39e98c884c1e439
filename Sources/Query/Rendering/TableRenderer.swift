// Tables: ASCII, box characters, Markdown. The first rows decide the widths of the columns, so that memory is bounded.
// A wider value in a later row is not cut; it makes its line longer.

import SQLite

/// The characters of a table's frame.
struct TableFrame: Equatable {
    /// The left end, the crossings, the right end and the filler of a rule.
    struct Rule: Equatable {
        let left, middle, right, fill: String
    }

    let top, underHeader, bottom: Rule?
    let bar: String
    /// The rule under the header marks right-aligned columns, as in Markdown.
    var marksAlignment = false

    static let ascii = TableFrame(
        top: Rule(left: "+", middle: "+", right: "+", fill: "-"),
        underHeader: Rule(left: "+", middle: "+", right: "+", fill: "-"),
        bottom: Rule(left: "+", middle: "+", right: "+", fill: "-"), bar: "|")
    static let box = TableFrame(
        top: Rule(left: "┌", middle: "┬", right: "┐", fill: "─"),
        underHeader: Rule(left: "├", middle: "┼", right: "┤", fill: "─"),
        bottom: Rule(left: "└", middle: "┴", right: "┘", fill: "─"), bar: "│")
    static let markdown = TableFrame(
        top: nil, underHeader: Rule(left: "|", middle: "|", right: "|", fill: "-"), bottom: nil, bar: "|",
        marksAlignment: true)
}

/// Writes a table.
struct TableRenderer: ResultRenderer {
    /// The number of first rows that decide the widths of the columns.
    static let measuredRows = 10_000

    private let style: RenderStyle
    private let frame: TableFrame
    private var columns: [Column] = []
    private var held: [[Cell]] = []
    private var isHolding = true

    private struct Column {
        let name: String
        var width: Int
        var isNumeric = true
        var hasValue = false
        var alignsRight: Bool { isNumeric && hasValue }
    }

    struct Cell {
        let text: String
        let width: Int
    }

    init(_ style: RenderStyle, frame: TableFrame) { (self.style, self.frame) = (style, frame) }

    mutating func begin(_ names: [String], to output: Output) {
        columns = names.map { name in
            let cell = cell(name)
            // Markdown's rule needs three characters: `--:`.
            return Column(name: cell.text, width: max(cell.width, frame.marksAlignment ? 3 : 1))
        }
    }

    mutating func row(_ values: [Value], to output: Output) {
        let cells = values.map { cell(ValueText.plain($0) ?? style.null ?? "NULL") }
        guard isHolding else { return line(cells, to: output) }
        measure(values, cells)
        held.append(cells)
        if held.count == Self.measuredRows { release(to: output) }
    }

    mutating func end(to output: Output) {
        if isHolding { release(to: output) }
        if let rule = frame.bottom { self.rule(rule, to: output) }
    }

    private func cell(_ raw: String) -> Cell {
        var text = frame.marksAlignment ? Self.markdown(raw) : ValueText.visible(raw)
        if let limit = style.maxCellColumns { text = DisplayWidth.shortened(text, to: limit) }
        return Cell(text: text, width: DisplayWidth.of(text))
    }

    /// Escapes text for a Markdown cell, in which a line break or a bar ends the cell and `<` starts HTML.
    static func markdown(_ text: String) -> String {
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        let safe = lines.map { line in
            ValueText.visible(String(line)).escaping { scalar in
                switch scalar {
                case "\\", "|": "\\\(scalar)"
                case "<": "&lt;"
                default: nil
                }
            }
        }
        return safe.joined(separator: "<br>")
    }

    private mutating func measure(_ values: [Value], _ cells: [Cell]) {
        for index in columns.indices where index < cells.count {
            columns[index].width = max(columns[index].width, cells[index].width)
            if values[index] == .null { continue }
            columns[index].hasValue = true
            if !values[index].isNumber { columns[index].isNumeric = false }
        }
    }

    /// Fixes the widths, then writes the header and the held rows.
    private mutating func release(to output: Output) {
        isHolding = false
        if let rule = frame.top { self.rule(rule, to: output) }
        if style.showsHeader || frame.marksAlignment {
            line(columns.map { Cell(text: $0.name, width: DisplayWidth.of($0.name)) }, isHeader: true, to: output)
            if let rule = frame.underHeader { self.rule(rule, to: output) }
        }
        for cells in held { line(cells, to: output) }
        held = []
    }

    private func rule(_ rule: TableFrame.Rule, to output: Output) {
        let parts = columns.map { column in
            let dashes = String(repeating: rule.fill, count: column.width + (frame.marksAlignment ? 0 : 2))
            guard frame.marksAlignment else { return dashes }
            return column.alignsRight ? " \(dashes.dropLast()): " : " \(dashes) "
        }
        output.write(rule.left + parts.joined(separator: rule.middle) + rule.right + "\n")
    }

    private func line(_ cells: [Cell], isHeader: Bool = false, to output: Output) {
        for (column, cell) in zip(columns, cells) {
            let padding = String(repeating: " ", count: max(0, column.width - cell.width))
            let text = isHeader && style.usesColour ? "\u{1B}[1m\(cell.text)\u{1B}[0m" : cell.text
            output.write("\(frame.bar) \(column.alignsRight ? padding + text : text + padding) ")
        }
        output.write(frame.bar + "\n")
    }
}
