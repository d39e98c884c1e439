// The formats of results, for rows that come from elsewhere than a statement.

package import SQLite

/// Writes rows in one of the formats, as they come.
package struct ResultWriter {
    private var renderer: any ResultRenderer
    private let output: Output

    /// - Parameters:
    ///   - format: how rows are written.
    ///   - showsHeader: the first line names the columns, where the format has such a line.
    ///   - null: what stands for NULL; nil: the format's own.
    ///   - maxCellColumns: cells of tables are shortened to this; nil: never.
    ///   - output: takes the text.
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

    /// Writes a row, a value per column.
    package mutating func row(_ values: [Value]) { renderer.row(values, to: output) }

    /// Writes what was held back, and whatever closes the result.
    package mutating func end() { renderer.end(to: output) }
}

/// What became of text on its way to a reader.
package enum Sending: Equatable, Sendable {
    /// All of it has been taken.
    case done
    /// The user has interrupted it.
    case interrupted
    /// Nobody reads it any more.
    case closed
    /// It could not be written; a line that says why.
    case failed(String)
}

extension Output {
    /// How much has been written here and not been taken by the reader, in bytes.
    package var waitingBytes: Int { waiting }

    /// Hands everything on, waiting for the reader, unless the user interrupts.
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
    /// Characters that would move the cursor, start an escape sequence, break the line or turn the direction of writing
    /// are written as escapes, such as `\x1b`; all others stay.
    package static func visible(_ text: String) -> String { ValueText.visible(text) }
}

extension OutputFormat {
    /// Rows are written as they come; tables wait for the widths of later ones.
    package var isStreaming: Bool { streams }
}

/// Guesses what a misspelt name was meant to be.
package enum Spelling {
    /// The candidate that is close enough to `word` to be meant; nil when none is.
    package static func nearest(to word: String, in candidates: [String]) -> String? {
        Vocabulary.nearest(to: word, in: candidates)
    }
}
