// Values of a statement's parameters. They are bound, never inserted into the statement's text.

import SQLite

/// The user's parameters by name, without prefix.
struct Parameters: Equatable {
    private(set) var values: [String: Value] = [:]

    init() {}

    /// - Parameter assignments: each `NAME=VALUE`.
    /// - Throws: `QueryError.usage` for a text of another form, or a number beyond 64 bits.
    init(assignments: [String]) throws(QueryError) { try add(assignments: assignments) }

    mutating func add(assignments: [String]) throws(QueryError) {
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "="), !Self.bareName(String(assignment[..<equals])).isEmpty
            else { throw .usage("a parameter is NAME=VALUE, not \(assignment)") }
            let value = String(assignment[assignment.index(after: equals)...])
            set(String(assignment[..<equals]), to: try Self.value(of: value))
        }
    }

    /// The name without its prefix `:`, `@` or `$`.
    static func bareName(_ name: String) -> String {
        guard let first = name.first, ":@$".contains(first) else { return name }
        return String(name.dropFirst())
    }

    mutating func set(_ name: String, to value: Value) { values[Self.bareName(name)] = value }

    /// - Returns: false when there was no such parameter.
    mutating func remove(_ name: String) -> Bool { values.removeValue(forKey: Self.bareName(name)) != nil }

    /// The names after `:`, `@` or `$` in a statement.
    static func names(in text: String) -> Set<String> {
        let bytes = Array(text.utf8)
        var names = Set<String>()
        var mark: Int?
        for token in SQLTokens(bytes) {
            let word = String(decoding: bytes[token.range], as: UTF8.self)
            if token.kind == .word, mark == token.range.lowerBound || word.first == "$" { names.insert(bareName(word)) }
            mark = word == ":" || word == "@" ? token.range.upperBound : nil
        }
        return names
    }

    /// Reads a value from the command line: `123` and `-4` are integers, `1.5` and `1e6` are reals, `'text'` is the
    /// text between the quotes, and anything else is text. A number has no leading zero and no plus sign, so that codes
    /// such as 007 stay text.
    /// - Throws: `QueryError.usage` for a whole number beyond 64 bits: as a text it would compare greater than all
    ///   numbers, and as a real it would be another number.
    static func value(of text: String) throws(QueryError) -> Value {
        if let quoted = unquoted(text) { return .text(quoted) }
        if let integer = Int64(text), String(integer) == text { return .integer(integer) }
        if text.wholeMatch(of: /-?[1-9][0-9]*/) != nil {
            throw .usage("the number \(text) does not fit 64 bits; write '\(text)' for the text, \(text).0 for a real")
        }
        if isPlainReal(text), let real = Double(text) { return .real(real) }
        return .text(text)
    }

    /// The text between single quotes, with doubled quotes inside halved; nil without surrounding quotes.
    private static func unquoted(_ text: String) -> String? {
        let scalars = Array(text.unicodeScalars)
        guard scalars.count >= 2, scalars.first == "'", scalars.last == "'" else { return nil }
        var result = String.UnicodeScalarView()
        var isDoubled = false
        for scalar in scalars.dropFirst().dropLast() {
            isDoubled = scalar == "'" && !isDoubled
            if !isDoubled { result.append(scalar) }
        }
        return String(result)
    }

    private static func isPlainReal(_ text: String) -> Bool {
        text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil
            && text.contains { ".eE".contains($0) }
    }

    /// Binds every parameter of `statement`.
    /// - Throws: `QueryError.usage` for a parameter without a name or a value; `SQLiteError`.
    func bind(to statement: Statement) throws {
        for index in stride(from: 1, through: statement.parameterCount, by: 1) {
            guard let name = statement.parameterName(index) else {
                throw QueryError.usage("a plain ? has no name to bind a value to; write :name instead")
            }
            guard let value = values[Self.bareName(name)] else {
                let option = "--param \(Self.bareName(name))=VALUE"
                throw QueryError.usage("the parameter \(name) has no value (\(option), or \\param at the prompt)")
            }
            try statement.bind(value, at: index)
        }
    }
}
