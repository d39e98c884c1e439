// The result formats, for rows that do not come from a statement.

package import SQLite

/// Writes rows in one of the formats, as they arrive.
package struct ResultWriter {
    private var renderer: any ResultRenderer
    private let output: Output

    /// - Parameters:
    ///   - format: the format of the rows.
    ///   - showsHeader: the first line names the columns, where the format has such a line.
    ///   - null: representation of NULL; nil: the format's own.
    ///   - maxCellColumns: the maximum width of a table's cell in columns; nil: no limit.
    ///   - output: receives the text.
    package init(
        _ format: OutputFormat, showsHeader: Bool = true, null: String? = nil, maxCellColumns: Int? = nil,
        to output: Output
    ) {
        var style = RenderStyle(showsHeader: showsHeader, null: null)
        style.maxCellColumns = maxCellColumns
        renderer = format.renderer(style)
        self.output = output
    }

    /// Begins with the names of the columns.
    package mutating func begin(_ columns: [String]) { renderer.begin(columns, to: output) }

    /// Writes a row with one value per column.
    package mutating func row(_ values: [Value]) { renderer.row(values, to: output) }

    /// Writes the rows still held, and the end of the result.
    package mutating func end() { renderer.end(to: output) }
}

/// Outcome of writing text to a reader.
package enum Sending: Equatable, Sendable {
    /// The reader took all of it.
    case done
    /// The user interrupted the write.
    case interrupted
    /// The reader closed the output.
    case closed
    /// The write failed; the reason in one line.
    case failed(String)
}

extension Output {
    /// The number of bytes that the reader has not taken yet.
    package var waitingBytes: Int { waiting }

    /// Writes everything. Waits for the reader until the user interrupts.
    package func send(unless interrupt: InterruptFlag) -> Sending {
        do throws(QueryError) {
            try finish(interrupt)
            return .done
        } catch {
            return switch error {
            case .interrupted: .interrupted
            case .outputClosed: .closed
            case .output(let why): .failed(why)
            default: .failed("cannot write the output")
            }
        }
    }
}

/// Untrusted text on a terminal.
package enum SafeText {
    /// Escapes the characters that would move the cursor, start an escape sequence, break the line or change the
    /// direction of writing, such as `\x1b`.
    package static func visible(_ text: String) -> String { ValueText.visible(text) }
}

extension OutputFormat {
    /// Rows are written as they arrive; tables wait for the widths of later ones.
    package var isStreaming: Bool { streams }
}

/// Suggests a name for a misspelt one.
package enum Spelling {
    /// The candidate nearest to `word`; nil when none is near enough.
    package static func nearest(to word: String, in candidates: [String]) -> String? {
        Vocabulary.nearest(to: word, in: candidates)
    }
}
