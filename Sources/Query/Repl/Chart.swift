// Draws a result in the terminal: bars, or a line through the values.
// It is pure: the size is a parameter. Any numbers give a chart, also none or infinite ones.

import SQLite

/// A chart of one column of numbers.
struct Chart {
    enum Kind: String, CaseIterable { case bar, line }

    /// A row's label and value.
    struct Point: Equatable {
        var label: String
        var value: Double
    }

    var points: [Point]
    var columns: Int
    var rows: Int
    /// The maximum number of bars.
    static let barLimit = 200

    /// Takes the values from the first column of numbers, and the labels from the first other column, unless they are
    /// named.
    /// - Returns: nil when there is no column of numbers, or no column of a given name.
    static func points(_ result: ResultSet, label: String?, value: String?) -> [Point]? {
        guard let valueIndex = index(of: value, in: result) ?? (value == nil ? firstNumeric(result) : nil) else {
            return nil
        }
        let labelIndex =
            index(of: label, in: result) ?? (label == nil ? result.columns.indices.first { $0 != valueIndex } : nil)
        if label != nil, labelIndex == nil { return nil }
        return result.rows.map { row in
            let label = labelIndex.flatMap { ValueText.plain(row[$0]) } ?? ""
            return Point(label: ValueText.visible(label), value: number(row[valueIndex]))
        }
    }

    private static func index(of name: String?, in result: ResultSet) -> Int? {
        name.flatMap { name in result.columns.firstIndex { $0.lowercased() == name.lowercased() } }
    }

    private static func firstNumeric(_ result: ResultSet) -> Int? {
        result.columns.indices.first { column in
            let values = result.rows.map { $0[column] }.filter { $0 != .null }
            return !values.isEmpty && values.allSatisfy(\.isNumber)
        }
    }

    private static func number(_ value: Value) -> Double {
        switch value {
        case .integer(let number): Double(number)
        case .real(let number) where number.isFinite: number
        default: 0
        }
    }

    func draw(_ kind: Kind) -> String {
        guard !points.isEmpty else { return "(no rows to draw)\n" }
        return kind == .bar ? bars() : line()
    }

    // MARK: Bars

    private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    private func bars() -> String {
        let shown = points.prefix(Self.barLimit)
        let labels = shown.map { DisplayWidth.shortened($0.label, to: max(8, columns / 3)) }
        let values = shown.map { Self.text($0.value) }
        let labelWidth = labels.map { DisplayWidth.of($0) }.max() ?? 0
        let valueWidth = values.map(\.count).max() ?? 0
        let room = max(8, columns - labelWidth - valueWidth - 3)
        let largest = shown.map { abs($0.value) }.max() ?? 0
        var text = ""
        for ((label, value), point) in zip(zip(labels, values), shown) {
            let padding = String(repeating: " ", count: labelWidth - DisplayWidth.of(label))
            let number = String(repeating: " ", count: valueWidth - value.count) + value
            text += "\(label)\(padding) \(number) \(Self.bar(abs(point.value), of: largest, room))\n"
        }
        if points.count > shown.count { text += "(\(points.count - shown.count) more rows)\n" }
        return text
    }

    private static func bar(_ value: Double, of largest: Double, _ room: Int) -> String {
        guard largest > 0 else { return "" }
        let units = Int((value / largest * Double(room * 8)).rounded())
        return String(repeating: "█", count: units / 8) + eighths[units % 8]
    }

    private static func text(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? value.description
    }

    // MARK: Line

    /// Dots of a braille character by column and row (https://www.unicode.org/charts/PDF/U2800.pdf).
    private static let dots: [[UInt32]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]

    private func line() -> String {
        let low = min(0, points.map(\.value).min() ?? 0)
        let high = max(points.map(\.value).max() ?? 0, low)
        let scale = [Self.text(high), Self.text(low)]
        let margin = scale.map(\.count).max() ?? 0
        let (width, height) = (max(4, columns - margin - 2), max(4, min(rows - 6, 16)))
        var cells = [[UInt32]](repeating: [UInt32](repeating: 0, count: width), count: height)
        let heights = curve(dots: width * 2, low: low, high: high, top: height * 4 - 1)
        for (x, y) in heights.enumerated() {
            let before = x > 0 ? heights[x - 1] : y
            for dot in min(before, y)...max(before, y) {
                let row = height * 4 - 1 - dot
                cells[row / 4][x / 2] |= Self.dots[x % 2][row % 4]
            }
        }
        return drawn(cells, scale: scale, margin: margin)
    }

    /// The height of the line at each dot across, with straight lines between the values.
    private func curve(dots: Int, low: Double, high: Double, top: Int) -> [Int] {
        (0..<dots).map { x in
            let place = points.count == 1 ? 0 : Double(x) / Double(dots - 1) * Double(points.count - 1)
            let left = min(Int(place), points.count - 1)
            let right = min(left + 1, points.count - 1)
            let part = place - Double(left)
            let value = points[left].value * (1 - part) + points[right].value * part
            // Halved first, since the difference of two finite numbers may be infinite.
            let share = (value / 2 - low / 2) / (high / 2 - low / 2)
            guard high > low, share.isFinite else { return 0 }
            return min(top, max(0, Int((share * Double(top)).rounded())))
        }
    }

    private func drawn(_ cells: [[UInt32]], scale: [String], margin: Int) -> String {
        var text = ""
        for (index, row) in cells.enumerated() {
            let label = index == 0 ? scale[0] : index == cells.count - 1 ? scale[1] : ""
            text += String(repeating: " ", count: margin - label.count) + label + " │"
            text += String(String.UnicodeScalarView(row.compactMap { Unicode.Scalar(0x2800 + $0) })) + "\n"
        }
        let (first, last) = (points[0].label, points[points.count - 1].label)
        let gap = max(1, (cells.first?.count ?? 0) - DisplayWidth.of(first) - DisplayWidth.of(last))
        return text + String(repeating: " ", count: margin + 2) + first + String(repeating: " ", count: gap) + last
            + "\n"
    }
}
