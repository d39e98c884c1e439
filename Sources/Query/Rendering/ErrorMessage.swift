// Formats errors for people: the message, the statement's line with a caret at the fault, and a suggestion.

/// Formats an error.
struct ErrorMessage {
    /// Names to suggest for a misspelt one.
    var vocabulary = Vocabulary()
    /// The line of the input on which the statement starts, when there is more than one.
    var firstLine: Int?
    /// The terminal's width in columns.
    var terminalColumns = 80

    /// The lines of the message, each ending in a line break.
    func text(_ error: QueryError, statement: String) -> String {
        switch error {
        case .sql(let message, let offset): sql(message, offset, statement)
        case .refused(let what): refused(what)
        case .usage(let message), .limit(let message), .state(let message), .output(let message):
            "error: \(message)\n"
        case .deadline(let milliseconds):
            "error: the statement was ended after \(Self.span(milliseconds)) (--timeout)\n"
        case .interrupted: "interrupted\n"
        case .outputClosed: ""
        }
    }

    static func span(_ milliseconds: Int) -> String {
        milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
    }

    private func sql(_ message: String, _ offset: Int?, _ statement: String) -> String {
        var result = "error: \(ValueText.visible(message))\n"
        if let place = offset ?? FaultFinder.offset(of: message, in: statement) {
            result += excerpt(statement, at: place)
        }
        let before = offset.flatMap { FaultFinder.word(before: $0, in: statement) }
        if let suggestion = vocabulary.suggestion(for: message, wordBefore: before) {
            result += "did you mean \(suggestion)?\n"
        }
        return result
    }

    private func refused(_ what: String) -> String {
        "error: \(what) is refused: this session only reads\n"
            + "counts are written by `pageviews ingest` and corrected by `pageviews backfill`\n"
    }

    /// The line with the fault, and a caret under the fault. A long line is cut around it.
    func excerpt(_ statement: String, at offset: Int) -> String {
        let bytes = Array(statement.utf8)
        let fault = min(max(0, offset), bytes.count)
        let start = bytes[..<fault].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let end = bytes[fault...].firstIndex(of: 0x0A) ?? bytes.count
        let breaks = bytes[..<start].count { $0 == 0x0A }
        let isMultiline = bytes.contains(0x0A) || (firstLine ?? 1) > 1
        let label = isMultiline ? "line \((firstLine ?? 1) + breaks): " : "  "
        let room = max(20, terminalColumns - label.count - 1)
        let (front, back) = (Self.shown(bytes[start..<fault]), Self.shown(bytes[fault..<end]))
        let isTooLong = DisplayWidth.of(front) + DisplayWidth.of(back) > room
        let before = isTooLong ? Self.cutFront(front, to: max(room / 2, room - DisplayWidth.of(back))) : front
        let after = DisplayWidth.shortened(back, to: room - DisplayWidth.of(before))
        let indent = String(repeating: " ", count: label.count + DisplayWidth.of(before))
        return "\(label)\(before)\(after)\n\(indent)^\n"
    }

    private static func shown(_ bytes: ArraySlice<UInt8>) -> String {
        ValueText.visible(String(decoding: bytes, as: UTF8.self).escaping { $0 == "\t" ? " " : nil })
    }

    private static func cutFront(_ text: String, to columns: Int) -> String {
        guard DisplayWidth.of(text) > columns else { return text }
        return "…" + String(DisplayWidth.shortened(String(text.reversed()), to: columns).dropLast().reversed())
    }
}
