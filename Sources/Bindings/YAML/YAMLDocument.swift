// Reads one YAML document into a tree of texts, within fixed limits.
//
// Values stay texts as written: the settings decide what a number is. Nodes are values and aliases are errors, so the
// tree stays within the limit on nodes, which `TreeBuilder` enforces with a thrown error.
// Invariant: every error is one line that names the file, the line and the correction.

/// Reads YAML files with one document. JSON files are such files.
package enum YAMLDocument {
    /// Largest file, in bytes (inclusive): 1 MiB.
    package static let maximumBytes = 1 << 20
    /// Largest nesting depth of lists and mappings, the outermost included.
    package static let maximumDepth = 32
    /// Largest total number of keys, values, lists and mappings.
    package static let maximumNodes = 20_000

    /// The document's root, or nil when the file holds no value (nothing, comments, a bare `---`).
    ///
    /// Plain `null`, `~` and missing values are `.null`. Errors: aliases, tags, duplicate and merge keys, keys that are
    /// not texts, a second document, bytes that are not UTF-8, control characters, tabs as indentation. A byte order
    /// mark at the start is allowed.
    /// - Parameters:
    ///   - bytes: The file's content.
    ///   - name: The file's name, for messages.
    /// - Throws: `YAMLError` when the file is none of this, or exceeds a limit.
    package static func parse(_ bytes: [UInt8], name: String) throws(YAMLError) -> YAMLNode? {
        guard bytes.count <= maximumBytes else {
            throw YAMLError(name: name, line: nil, "the file is larger than 1 MiB; shorten it")
        }
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        let size = try CharacterCheck.count(text, name: name)
        var builder = TreeBuilder(events: try EventReader(text, size: size, name: name), name: name)
        return try builder.document()
    }
}

/// A value of a YAML document and its line.
package struct YAMLNode: Sendable {
    /// The line of the file on which the value starts, from 1.
    package let line: Int
    /// The value.
    package let content: Content

    /// The kinds of values.
    package enum Content: Sendable {
        /// Nothing: a missing value, or plain `null` or `~`.
        case null
        /// A text. `isQuoted` tells that it was written in quotes or as a block (`|`, `>`).
        case scalar(text: String, isQuoted: Bool)
        /// A list, in the file's order.
        case sequence([YAMLNode])
        /// Pairs in the file's order; no key occurs twice. `keyLine` is the line of the key, from 1.
        case mapping([(key: String, keyLine: Int, value: YAMLNode)])
    }
}

/// The fault of a YAML file.
package struct YAMLError: Error, Equatable, CustomStringConvertible {
    /// The line of the file, from 1; nil when the error concerns the whole file.
    package let line: Int?
    /// One line: `NAME:LINE: ` (or `NAME: `), what is wrong, and what to do.
    package let description: String

    /// An error about a file.
    /// - Parameters:
    ///   - name: The file's name.
    ///   - line: The line, from 1; nil for the whole file.
    ///   - problem: One line: what is wrong and what to do. Texts of the file in it must be escaped by `shown`.
    init(name: String, line: Int?, _ problem: String) {
        assert(!problem.utf8.contains(0x0A), "a problem is one line")
        self.line = line
        description = "\(shown(name, limit: 4096)):\(line.map { "\($0):" } ?? "") \(problem)"
    }
}

/// A text of the file for a one-line message: invisible characters are escaped, a text beyond `limit` scalars is cut.
func shown(_ text: String, limit: Int = 60) -> String {
    var line = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
        guard index < limit else { return line + "..." }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
            line += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
        default: line.unicodeScalars.append(scalar)
        }
    }
    return line
}
