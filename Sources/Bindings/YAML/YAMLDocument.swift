// Reads one YAML document into a tree of texts, within fixed limits.
//
// Invariants: values stay texts as written (the settings decide what a number is); no node is ever shared, so the tree is
// never larger than the limit on nodes; every refusal is one line that names the file, the line and the correction.

/// Reads YAML files with one document, which JSON files are too.
package enum YAMLDocument {
    /// Largest file, in bytes: 1 MiB.
    package static let maximumBytes = 1 << 20
    /// Largest number of lists and mappings inside one another, the outermost included.
    package static let maximumDepth = 32
    /// Largest number of values, lists and mappings together; keys count too.
    package static let maximumNodes = 20_000

    /// The document's root, or nil when the file holds no value (nothing, comments, a bare `---`).
    ///
    /// Plain `null`, `~` and missing values are `.null`. Refused: aliases, tags, duplicate and merge keys, keys that are not
    /// texts, a second document, bytes that are not UTF-8, control characters, tabs as indentation. A byte order mark
    /// at the start is allowed.
    /// - Parameters:
    ///   - bytes: The file's content.
    ///   - name: The file's name, for messages.
    /// - Throws: `YAMLError`, also for a file above one of the limits.
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

/// A value of a YAML document and where it stands.
package struct YAMLNode: Sendable {
    /// The line of the file on which the value starts, from 1.
    package let line: Int
    /// The value.
    package let content: Content

    /// What a value is.
    package enum Content: Sendable {
        /// Nothing: a missing value, or plain `null` or `~`.
        case null
        /// A text; `isQuoted` when it was written in quotes or as a block (`|`, `>`), and so is meant as text.
        case scalar(text: String, isQuoted: Bool)
        /// A list, in the file's order.
        case sequence([YAMLNode])
        /// Pairs in the file's order; no key occurs twice. `keyLine` is the line of the key, from 1.
        case mapping([(key: String, keyLine: Int, value: YAMLNode)])
    }
}

/// Why a YAML file was refused.
package struct YAMLError: Error, Equatable, CustomStringConvertible {
    /// The line of the file, from 1; nil when the whole file is meant.
    package let line: Int?
    /// One line: `NAME:LINE: ` (or `NAME: `), what is wrong, and what to do.
    package let description: String

    /// An error about a file.
    /// - Parameters:
    ///   - name: The file's name.
    ///   - line: The line, from 1; nil for the whole file.
    ///   - problem: What is wrong and what to do; texts of the file in it must have gone through `shown`.
    init(name: String, line: Int?, _ problem: String) {
        self.line = line
        description = "\(shown(name, limit: 4096)):\(line.map { "\($0):" } ?? "") \(problem)"
    }
}

/// A text of the file, as part of a one-line message: invisible characters escaped, a long text cut.
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
