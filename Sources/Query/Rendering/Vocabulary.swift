// Suggests a name for a misspelt one, by edit distance.

/// The names that a statement can use.
struct Vocabulary: Equatable {
    var tables: [String] = []
    var columns: [String] = []
    var functions: [String] = []

    /// The name nearest to the one in SQLite's message; nil when none is near.
    /// - Parameter wordBefore: the word before the fault: the parser fails at the token after a misspelt keyword.
    func suggestion(for message: String, wordBefore: String? = nil) -> String? {
        if let name = Self.name(in: message, after: "no such table: ") { return Self.nearest(to: name, in: tables) }
        if let name = Self.name(in: message, after: "no such column: ") {
            // A missing column may be a text without quotes, or have a misspelt alias before it.
            return Self.nearest(to: Self.lastPart(name), in: columns) ?? Self.quoted(name)
        }
        if let name = Self.name(in: message, after: "no such function: ") {
            return Self.nearest(to: name, in: functions)
        }
        guard message.hasPrefix("near \""), message.hasSuffix("\": syntax error") else { return nil }
        let fault = String(message.dropFirst(6).dropLast(15))
        return Self.nearest(to: fault, in: SQLWords.keywords) ?? wordBefore.flatMap(misspeltKeyword)
    }

    private func misspeltKeyword(_ word: String) -> String? {
        let isName = (tables + columns + SQLWords.keywords).contains { $0.lowercased() == word.lowercased() }
        return isName || word.count < 3 ? nil : Self.nearest(to: word, in: SQLWords.keywords)
    }

    /// `SW19` for `'SW19'`: an unknown name that looks like a value.
    private static func quoted(_ name: String) -> String? {
        name.contains { $0.isUppercase || $0.isNumber } && !name.contains(".") ? "'\(name)' (text needs quotes)" : nil
    }

    private static func name(in message: String, after prefix: String) -> String? {
        message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : nil
    }

    private static func lastPart(_ name: String) -> String {
        name.split(separator: ".").last.map(String.init) ?? name
    }

    /// The candidate with the fewest edits, at most a third of the name's length, else one that starts with the name;
    /// nil without one or for an exact match.
    static func nearest(to name: String, in candidates: [String]) -> String? {
        let wanted = Array(name.lowercased().unicodeScalars.prefix(64))
        let limit = max(1, wanted.count / 3)
        let scored = candidates.map { ($0, distance(wanted, Array($0.lowercased().unicodeScalars.prefix(64)))) }
        guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 > 0, best.1 <= limit else {
            return prefixMatch(name, in: candidates)
        }
        return best.0
    }

    /// `postcode_view_count` for `postcode_view`, when only one candidate starts with it.
    private static func prefixMatch(_ name: String, in candidates: [String]) -> String? {
        guard name.count >= 3 else { return nil }
        let matches = candidates.filter { $0.count > name.count && $0.lowercased().hasPrefix(name.lowercased()) }
        return matches.count == 1 ? matches[0] : nil
    }

    /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
    static func distance(_ first: [Unicode.Scalar], _ second: [Unicode.Scalar]) -> Int {
        var rows = [[Int]](repeating: Array(0...second.count), count: first.count + 1)
        for row in stride(from: 1, through: first.count, by: 1) {
            rows[row][0] = row
            for column in stride(from: 1, through: second.count, by: 1) {
                let isSame = first[row - 1] == second[column - 1]
                var best = min(rows[row - 1][column], rows[row][column - 1]) + 1
                best = min(best, rows[row - 1][column - 1] + (isSame ? 0 : 1))
                if row > 1, column > 1, first[row - 1] == second[column - 2], first[row - 2] == second[column - 1] {
                    best = min(best, rows[row - 2][column - 2] + 1)
                }
                rows[row][column] = best
            }
        }
        return rows[first.count][second.count]
    }
}
