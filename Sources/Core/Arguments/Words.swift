// Text of messages and help: name suggestions, line breaks, and escaping of control characters.

extension [String] {
    /// The name with the smallest edit distance to `name`; nil when that exceeds half of its length or 3.
    package func nearest(to name: String) -> String? {
        let most = Swift.min(3, Swift.max(1, name.drop { $0 == "-" }.count / 2))
        // A distance is no less than the difference of lengths; it is not worked out for a name of a million letters.
        let length = name.count
        let near = filter { abs($0.count - length) <= most }.map { (name: $0, distance: $0.editDistance(to: name)) }
        return near.filter { $0.distance <= most }.min { $0.distance < $1.distance }?.name
    }
}

extension String {
    /// The number of characters to insert, delete or replace (Levenshtein distance).
    func editDistance(to other: String) -> Int {
        var row = Array(0...other.count)
        for (index, mine) in self.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, theirs) in other.enumerated() {
                (diagonal, row[column + 1]) = (
                    row[column + 1],
                    mine == theirs ? diagonal : Swift.min(diagonal, row[column], row[column + 1]) + 1
                )
            }
        }
        return row[other.count]
    }

    /// The text before and after the first `letter`; the latter is nil without one. Compares scalars, since a combining
    /// mark would hide the letter in a character.
    func cut(_ letter: Unicode.Scalar) -> (name: String, value: String?) {
        guard let place = unicodeScalars.firstIndex(of: letter) else { return (self, nil) }
        return (String(unicodeScalars[..<place]), String(unicodeScalars[unicodeScalars.index(after: place)...]))
    }

    /// The text with control characters escaped, so that it stays on one line and a terminal obeys none.
    package var visible: String {
        guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
        return unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }.joined()
    }

    /// Breaks the text at spaces into lines of less than `width` characters, the last of at most `width`, and indents
    /// each by `indent` spaces. Existing line breaks stay.
    func wrapped(to width: Int, indent: Int = 0) -> String {
        let columns = Swift.max(1, width - indent)
        let margin = String(repeating: " ", count: indent)
        let paragraphs = split(separator: "\n", omittingEmptySubsequences: false)
        return paragraphs.enumerated().flatMap { index, paragraph in
            paragraph.broken(to: columns, mayFill: index == paragraphs.count - 1)
        }.map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
    }
}

extension Substring {
    fileprivate func broken(to columns: Int, mayFill: Bool) -> [Substring] {
        var lines: [Substring] = []
        var rest = self
        while rest.count > columns || !mayFill && rest.count == columns {
            let chunk = rest.prefix(columns)
            guard let space = chunk.lastIndex(of: " ") ?? rest.firstIndex(of: " ") else { break }
            lines.append(rest[..<space])
            rest = rest[rest.index(after: space)...]
        }
        return lines + [rest]
    }
}
