// Parses commands as typed: `\name arguments` or `.name arguments`.

/// A command as typed, cut into words.
struct Invocation: Equatable {
    /// The name with its first character, `\` or `.`.
    var name: String
    /// The rest as typed, without surrounding white space.
    var typedRest: String
    /// The rest without a semicolon at its end.
    var rest: String
    /// The rest, cut at white space outside quotes, without the quotes.
    var arguments: [String]

    /// nil when the line is not a command.
    init?(_ line: String) {
        let text = line.trimmed
        guard let mark = text.first, mark == "\\" || mark == ".", text.count > 1 else { return nil }
        let second = text[text.index(after: text.startIndex)]
        // `.5` starts a number: a command is a word, `?` or `!`.
        guard second.isLetter || (mark == "\\" && (second == "?" || second == "!")) else { return nil }
        name =
            second.isLetter
            ? String(text.prefix(1) + text.dropFirst().prefix { $0.isLetter || $0 == "_" || $0 == "+" })
            : String(text.prefix(2))
        typedRest = text.dropFirst(name.count).trimmed
        rest = typedRest.last == ";" ? typedRest.dropLast().trimmed : typedRest
        arguments = Self.words(rest)
    }

    var firstArgument: String? { arguments.first }

    /// Cuts at white space; `'it''s'` and `"x y"` are one word each.
    static func words(_ text: String) -> [String] {
        let characters = Array(text)
        var words: [String] = []
        var word: String?
        var quote: Character?
        var index = 0
        while index < characters.count {
            let character = characters[index]
            index += 1
            if let open = quote {
                if character != open {
                    word?.append(character)
                } else if index < characters.count, characters[index] == open {
                    word?.append(character)
                    index += 1
                } else {
                    quote = nil
                }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character.isWhitespace {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }
}

/// A line of input, cut at the end of its SQL and the start of a command: `SELECT 1 \watch 2`.
enum InputLine {
    /// The SQL before the first unquoted backslash, and the command that starts there; nil without one.
    static func trailingCommand(in text: String) -> (sql: String, command: String)? {
        let bytes = Array(text.utf8)
        let backslash = SQLTokens(bytes).first { $0.kind == .other && bytes[$0.range.lowerBound] == UInt8(ascii: "\\") }
        guard let start = backslash?.range.lowerBound else { return nil }
        return (String(decoding: bytes[..<start], as: UTF8.self), String(decoding: bytes[start...], as: UTF8.self))
    }
}
