// Finds the position of an error for which SQLite reports none: a missing table, an ambiguous name, or the end of the
// text.

/// Finds an error's position from SQLite's message.
enum FaultFinder {
    private static let prefixes = [
        "no such table: ", "no such column: ", "no such function: ", "ambiguous column name: ",
    ]

    /// The byte offset of the name in `message`; nil when the statement does not contain it.
    static func offset(of message: String, in statement: String) -> Int? {
        if message == "incomplete input" { return statement.utf8.count }
        guard let prefix = prefixes.first(where: message.hasPrefix) else { return nil }
        return word(String(message.dropFirst(prefix.count)), in: statement)
    }

    /// The word that ends before an offset; nil when the token there is not a word.
    static func word(before offset: Int, in statement: String) -> String? {
        let bytes = Array(statement.utf8)
        let tokens = SQLTokens(bytes).prefix { $0.range.upperBound <= offset }
        guard let last = tokens.last(where: { $0.kind != .space && $0.kind != .comment }), last.kind == .word else {
            return nil
        }
        return String(decoding: bytes[last.range], as: UTF8.self)
    }

    /// The offset of the last part of `name` as a whole word, in any case, outside strings and comments.
    private static func word(_ name: String, in statement: String) -> Int? {
        let text = Array(statement.utf8)
        guard let wanted = name.lowercased().split(separator: ".").last else { return nil }
        let found = SQLTokens(text).first { token in
            guard token.kind == .word || token.kind == .quotedName else { return false }
            let range = token.kind == .word || token.isOpen ? token.range : token.range.dropFirst().dropLast()
            return String(decoding: text[range], as: UTF8.self).lowercased() == wanted
        }
        return found?.range.lowerBound
    }
}
