// Adds a COLLATE to the times in a statement, where a view's column cannot have one: a function (`max(timestamp)`)
// drops its argument's collation. The marker adds a COLLATE after each literal, parameter and call that returns a time;
// SQL allows one after any value. It also redirects `main.VIEW` to the session's view of that name.
// Nothing else in the text changes, so marks change only how a statement compares times. A statement that does not
// compile with marks runs as written.

import Base
import SQLite

/// Adds collations to a statement.
struct TimeMarker {
    /// SQLite's functions that return a time, and ours.
    private static let timeCalls: Set<String> = ["datetime", "date", "time", "strftime", "ago"]
    private static let timeWords: Set<String> = ["current_timestamp", "current_date", "current_time"]
    /// Functions that return one of their arguments.
    private static let passing: Set<String> = [
        "max", "min", "coalesce", "ifnull", "iif", "nullif", "lag", "lead", "first_value", "last_value", "nth_value",
        "likely", "unlikely", "likelihood",
    ]

    private let bytes: [UInt8]
    private let tokens: [SQLToken]
    /// The lower-case texts of words and quoted names; empty for other tokens.
    private let words: [String]
    /// For each opening parenthesis, the token that closes it.
    private let closing: [Int: Int]
    private let parameters: Parameters
    /// The collation to add after a token, by its index.
    private var marks: [Int: TimeCollation] = [:]
    /// Replacement texts of tokens, by index.
    private var replacements: [Int: String] = [:]

    /// The statement with its marks; nil without any.
    static func marked(_ text: String, _ parameters: Parameters) -> String? {
        var marker = TimeMarker(text, parameters)
        marker.findMarks()
        return marker.marks.isEmpty && marker.replacements.isEmpty ? nil : marker.text
    }

    private init(_ text: String, _ parameters: Parameters) {
        let bytes = Array(text.utf8)
        let tokens = SQLTokens(bytes).filter { $0.kind != .space && $0.kind != .comment }
        (self.bytes, self.tokens, self.parameters) = (bytes, tokens, parameters)
        words = tokens.map { token in
            switch token.kind {
            case .word: String(decoding: bytes[token.range], as: UTF8.self).lowercased()
            case .quotedName: String(decoding: bytes[token.range].dropFirst().dropLast(), as: UTF8.self).lowercased()
            default: ""
            }
        }
        var open: [Int] = []
        var closing: [Int: Int] = [:]
        for (index, token) in tokens.enumerated() where token.kind == .other {
            if bytes[token.range.lowerBound] == UInt8(ascii: "(") { open.append(index) }
            if bytes[token.range.lowerBound] == UInt8(ascii: ")"), let start = open.popLast() { closing[start] = index }
        }
        self.closing = closing
    }

    private var text: String {
        var result: [UInt8] = []
        var written = 0
        for (index, token) in tokens.enumerated() {
            if let replacement = replacements[index] {
                result += bytes[written..<token.range.lowerBound] + Array(replacement.utf8)
                written = token.range.upperBound
            }
            guard let mark = marks[index] else { continue }
            result += bytes[written..<token.range.upperBound] + Array(" COLLATE \(mark.rawValue)".utf8)
            written = token.range.upperBound
        }
        return String(decoding: result + bytes[written...], as: UTF8.self)
    }

    // MARK: What is a time

    private mutating func findMarks() {
        markSortedCounts()
        var numberEnd = 0
        for index in tokens.indices {
            if words[index] == "cast", let close = endOfCastToNumber(index) { numberEnd = max(numberEnd, close) }
            // CAST(... AS INTEGER) makes a number of a time; a mark inside would hide that.
            guard index >= numberEnd || words[index] == "main" else { continue }
            switch tokens[index].kind {
            case .string where !follows(index, "as") && isTime(literal: index): marks[index] = .literal
            case .word where isParameter(index): if isTime(parameter: index) { marks[index] = .literal }
            case .word where opens(after: index): markCall(index)
            case .word where Self.timeWords.contains(words[index]): if !isName(index) { marks[index] = .call }
            case .word, .quotedName: redirect(index)
            case .other where isSign(index, "("): markSubquery(index)
            default: break
            }
        }
    }

    private func endOfCastToNumber(_ index: Int) -> Int? {
        guard let close = closing[index + 1], let type = words[index..<close].lastIndex(of: "as") else { return nil }
        return ["text", "char", "clob"].contains { words[type + 1].contains($0) } ? nil : close
    }

    /// Marks terms of ORDER BY, GROUP BY and PARTITION BY that are only the counts' time: its byte order is the order
    /// of the times, and an index provides it.
    private mutating func markSortedCounts() {
        guard words.contains(TimeViews.countsView), !words.contains(where: Self.mayBringOtherTimes) else { return }
        for index in tokens.indices.dropFirst(2) where words[index] == "by" {
            guard ["order", "group", "partition"].contains(words[index - 1]) else { continue }
            for term in terms(after: index) where words[term] == TimeViews.countsColumn { marks[term] = .bytes }
        }
    }

    private static func mayBringOtherTimes(_ word: String) -> Bool {
        ["union", "intersect", "except", "values"].contains(word)
            || TimeViews.columns[word] != nil && word != TimeViews.countsView
    }

    /// Tokens that are whole terms of the list after `BY`, with or without a table's name.
    private func terms(after by: Int) -> [Int] {
        var result: [Int] = []
        var index = by + 1
        while index < tokens.count, !words[index].isEmpty {
            let term = isSign(index + 1, ".") ? index + 2 : index
            guard term < tokens.count, !words[term].isEmpty, !opens(after: term) else { break }
            result.append(term)
            index = term + 1
            while index < tokens.count, ["asc", "desc", "nulls", "first", "last"].contains(words[index]) { index += 1 }
            guard isSign(index, ",") else { break }
            index += 1
        }
        return result
    }

    private mutating func markCall(_ index: Int) {
        guard let close = closing[index + 1], marks[close] == nil else { return }
        if Self.timeCalls.contains(words[index]) {
            marks[close] = .call
        } else if Self.passing.contains(words[index]), holdsTime(index + 2, close) {
            marks[end(ofCall: close)] = .instant
        }
    }

    /// The last token of a call, including `FILTER (...)` and `OVER w`.
    private func end(ofCall close: Int) -> Int {
        var end = close
        while end + 1 < tokens.count, ["filter", "over"].contains(words[end + 1]) {
            end = min(closing[end + 2] ?? end + 2, tokens.count - 1)
        }
        return end
    }

    /// Marks a scalar subquery in a comparison: `= (SELECT max(timestamp) FROM ...)`.
    private mutating func markSubquery(_ open: Int) {
        guard let close = closing[open], open + 1 < close, words[open + 1] == "select" else { return }
        let isCompared = "<>=".contains { isSign(open - 1, $0) } || "<>=!".contains { isSign(close + 1, $0) }
        let end = (open..<close).first { words[$0] == "from" } ?? close
        if isCompared, holdsTime(open + 2, end) { marks[close] = .instant }
    }

    /// Whether the tokens contain a time column, bare or within parentheses or functions that return it.
    private func holdsTime(_ start: Int, _ end: Int) -> Bool {
        var index = start
        while index < end {
            if isSign(index, "("), let close = closing[index], index > start, !words[index - 1].isEmpty,
                !Self.passing.contains(words[index - 1]), !Self.keywordsBeforeParenthesis.contains(words[index - 1])
            {
                index = close
            } else if TimeViews.allColumns.contains(words[index]), !opens(after: index) {
                return true
            }
            index += 1
        }
        return false
    }

    private static let keywordsBeforeParenthesis: Set<String> = ["select", "distinct", "then", "else", "case", "when"]

    private func isTime(literal index: Int) -> Bool {
        Instant(String(decoding: bytes[tokens[index].range].dropFirst().dropLast(), as: UTF8.self)) != nil
    }

    private func isParameter(_ index: Int) -> Bool {
        bytes[tokens[index].range.lowerBound] == UInt8(ascii: "$") || isSign(index - 1, ":") || isSign(index - 1, "@")
    }

    private func isTime(parameter index: Int) -> Bool {
        let name = String(decoding: bytes[tokens[index].range], as: UTF8.self)
        guard case .text(let text)? = parameters.values[Parameters.bareName(name)] else { return false }
        return Instant(text) != nil
    }

    /// Replaces `main` in `main.late_events`, the state's view, by `temp`, the schema of the session's view.
    private mutating func redirect(_ index: Int) {
        guard words[index] == "main", isSign(index + 1, "."), index + 2 < tokens.count,
            TimeViews.columns[words[index + 2]] != nil
        else { return }
        replacements[index] = "temp"
    }

    // MARK: Tokens

    private func isSign(_ index: Int, _ sign: Character) -> Bool {
        guard tokens.indices.contains(index), tokens[index].kind == .other else { return false }
        return bytes[tokens[index].range.lowerBound] == sign.asciiValue
    }

    private func opens(after index: Int) -> Bool { isSign(index + 1, "(") }

    private func follows(_ index: Int, _ word: String) -> Bool { index > 0 && words[index - 1] == word }

    /// Whether a keyword is used as the name of a column or alias.
    private func isName(_ index: Int) -> Bool {
        isSign(index - 1, ".") || isSign(index + 1, ".") || follows(index, "as")
    }
}
