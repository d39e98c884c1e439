// Completion at the prompt.

import LineEditor
import SQLite

extension Repl {
    /// Time limit of the search for postcodes, in milliseconds.
    private static let lookupMilliseconds = 250
    private static let postcodeLimit = 100

    /// Completions of the word that ends at the cursor.
    func completions(line: String, start: Int, word: String) -> Completions {
        let bytes = Array(line.utf8)
        let before = String(decoding: bytes.prefix(start), as: UTF8.self)
        let schema = cachedSchema ?? session.schema()
        // The schema of a missing state is a placeholder: do not cache it.
        cachedSchema = session.isOverState ? schema : nil
        let context = CompletionContext(
            before: buffer.isEmpty ? before : buffer + "\n" + before,
            whole: buffer.isEmpty ? line : buffer + "\n" + line, word: word)
        switch context.wanted {
        case .commands: return Completions(matching(Command.allNames, word))
        case .files: return .files
        case .formats: return Completions(matching(OutputFormat.allCases.map(\.rawValue), word))
        case .words(let words): return Completions(matching(words, word))
        case .queries: return Completions(matching(queries.all.map(\.name), word))
        case .relations: return Completions(matching(schema.relations.map(\.name), word))
        case .parameters(let mark):
            return Completions(matching(parameters.values.keys.sorted().map { mark + $0 }, word))
        case .postcodes(let place): return postcodes(word, place)
        case .columns(let qualifier, let tables): return columns(word, qualifier, tables, schema)
        case .nothing: return Completions()
        }
    }

    private func matching(_ candidates: [String], _ word: String) -> [String] {
        let lower = word.lowercased()
        return candidates.filter { $0.lowercased().hasPrefix(lower) }
    }

    /// The columns of the statement's tables, then functions and keywords, in the typed case.
    private func columns(_ word: String, _ qualifier: String?, _ tables: [String], _ schema: Schema) -> Completions {
        let named = schema.relations.filter { tables.contains($0.name.lowercased()) }
        let relations = named.isEmpty ? schema.relations.filter(\.isView) : named
        let columns = Set(relations.flatMap(\.columns)).sorted()
        if let qualifier { return Completions(matching(columns.map { "\(qualifier).\($0)" }, word), suffix: nil) }
        let isUpper = word.contains { $0.isUppercase }
        let keywords = SQLWords.keywords.map { isUpper || word.isEmpty ? $0 : $0.lowercased() }
        let others = matching(schema.functions.map { $0 + "(" } + keywords + schema.relations.map(\.name), word)
        let all = matching(columns, word) + (word.isEmpty && !named.isEmpty ? [] : others)
        return Completions(all, suffix: all.count == 1 && all[0].hasSuffix("(") ? nil : " ")
    }

    /// Postcodes that start with the word, from the newest windows.
    private func postcodes(_ word: String, _ place: CompletionContext.Place) -> Completions {
        var found = Set<String>()
        var bound = Parameters()
        bound.set("prefix", to: .text(word.uppercased()))
        let saved = session.limits
        defer { session.limits = saved }
        session.limits.timeoutMilliseconds = Self.lookupMilliseconds
        session.limits.maxRows = nil
        let sql = """
            SELECT postcode FROM postcode_view_count WHERE substr(upper(postcode), 1, length(:prefix)) = :prefix
            ORDER BY timestamp DESC
            """
        _ = try? session.run(sql, parameters: bound) { row in
            if case .text(let postcode) = row[0] { found.insert(postcode) }
            return found.count < Self.postcodeLimit
        }
        let shown = found.sorted().map { place == .statement ? Self.literal(.text($0)) : $0 }
        return Completions(shown, suffix: place == .string ? "'" : " ")
    }
}

/// The kind of word at the cursor.
struct CompletionContext: Equatable {
    /// The place of a value: unquoted in a statement, in an open string, or after a command.
    enum Place { case statement, string, command }

    enum Wanted: Equatable {
        case commands, files, formats, queries, relations, nothing
        case words([String])
        case parameters(mark: String)
        case postcodes(Place)
        case columns(qualifier: String?, tables: [String])
    }

    let wanted: Wanted

    /// - Parameters:
    ///   - before: the statement up to the word.
    ///   - whole: the whole statement, including the text after the cursor.
    ///   - word: the word to complete.
    init(before: String, whole: String, word: String) {
        if let command = Self.command(before, word) {
            wanted = command
        } else {
            wanted = Self.sql(before, whole, word)
        }
    }

    // MARK: Commands

    private static func command(_ before: String, _ word: String) -> Wanted? {
        let text = before.trimmed
        if text.isEmpty, word.hasPrefix("\\") || word.hasPrefix(".") { return .commands }
        if let (_, command) = InputLine.trailingCommand(in: before + word), command == word { return .commands }
        let line = InputLine.trailingCommand(in: before)?.command ?? text
        guard let invocation = Invocation(line), let command = Command.named(invocation.name) else { return nil }
        let (rest, arguments) = (invocation.rest, invocation.arguments)
        let isStatement = command.completion.takesSQL && rest.contains(where: \.isWhitespace)
        if isStatement, arguments.last?.lowercased() != "to" { return sql(rest, rest + word, word) }
        return command.completion.wanted(arguments)
    }

    // MARK: SQL

    private static func sql(_ before: String, _ whole: String, _ word: String) -> Wanted {
        let bytes = Array(before.utf8)
        let tokens = SQLTokens(bytes).filter { $0.kind != .space && $0.kind != .comment }
        let isInString = tokens.last?.kind == .string && tokens.last?.isOpen == true
        let words = tokens.map { String(decoding: bytes[$0.range], as: UTF8.self).lowercased() }
        let previous = Array(isInString ? words.dropLast() : words[...])
        if followsPostcode(previous) { return .postcodes(isInString ? .string : .statement) }
        if isInString { return .nothing }
        if let mark = word.first, ":@$".contains(mark) { return .parameters(mark: String(mark)) }
        if wantsRelation(previous) { return .relations }
        let (tables, aliases) = relations(in: whole)
        if let dot = word.lastIndex(of: ".") {
            let qualifier = String(word[..<dot])
            return .columns(qualifier: qualifier, tables: [aliases[qualifier.lowercased()] ?? qualifier.lowercased()])
        }
        return .columns(qualifier: nil, tables: tables)
    }

    /// `postcode =`, `postcode in (`, `postcode in ('A',`, `postcode like`, `postcode <>`.
    private static func followsPostcode(_ words: [String]) -> Bool {
        var rest = words[...]
        let operators = ["=", "<", ">", "!", "is", "like", "glob", "in", "(", ",", "not", "between"]
        while let last = rest.last, operators.contains(last) || last.hasPrefix("'") { rest = rest.dropLast() }
        let isCompared =
            rest.count < words.count
            && words[rest.count...].contains { !["(", ","].contains($0) && !$0.hasPrefix("'") }
        return isCompared && rest.last == "postcode"
    }

    private static func wantsRelation(_ words: [String]) -> Bool {
        guard let last = words.last else { return false }
        if ["from", "join"].contains(last) { return true }
        guard last == "," else { return false }
        // A comma belongs to FROM when no other clause has begun since.
        let clauses: Set<String> = [
            "from", "where", "select", "group", "order", "on", "limit", "having", "(", "values", "window",
        ]
        return words.last { clauses.contains($0) } == "from"
    }

    /// The tables that the statement names, and the table of each alias.
    static func relations(in text: String) -> (tables: [String], aliases: [String: String]) {
        let bytes = Array(text.utf8)
        let words = SQLTokens(bytes).filter { $0.kind != .space && $0.kind != .comment }
            .map { String(decoding: bytes[$0.range], as: UTF8.self).lowercased() }
        var (tables, aliases): ([String], [String: String]) = ([], [:])
        var isInFrom = false
        for (index, word) in words.enumerated() {
            if ["where", "group", "order", "limit", "select", "on", "using", ")"].contains(word) { isInFrom = false }
            let starts = word == "from" || word == "join" || (word == "," && isInFrom)
            guard starts, index + 1 < words.count else { continue }
            isInFrom = true
            let table = words[index + 1]
            tables.append(table)
            let alias =
                index + 2 < words.count
                ? words[index + 2] == "as" && index + 3 < words.count ? words[index + 3] : words[index + 2] : ""
            let isAlias = alias.utf8.allSatisfy(SQLWords.isWordByte) && !SQLWords.keywords.contains(alias.uppercased())
            if isAlias, !alias.isEmpty { aliases[alias] = table }
        }
        return (tables, aliases)
    }
}
