// The kept result of a statement, to show again, draw, copy or store as parameters.

import SQLite

/// The rows of a result, up to the session's limits.
struct ResultSet: Equatable {
    /// The size of the values at which the rest of a result is not kept, in bytes.
    static let byteLimit = 64 << 20

    var columns: [String] = []
    var rows: [[Value]] = []
    /// The statement has more rows.
    var isTruncated = false
    var milliseconds = 0

    static func bytes(of row: [Value]) -> Int {
        row.reduce(32) { sum, value in
            switch value {
            case .text(let text): sum + 16 + text.utf8.count
            case .blob(let bytes): sum + 16 + bytes.count
            default: sum + 16
            }
        }
    }

    /// `3 rows`.
    var countText: String { "\(rows.count) row\(rows.count == 1 ? "" : "s")" }

    func rendered(_ format: OutputFormat, _ style: RenderStyle) -> String {
        let output = Output()
        write(format, style, to: output)
        return output.text
    }

    func write(_ format: OutputFormat, _ style: RenderStyle, to output: Output) {
        var renderer = format.renderer(style)
        renderer.begin(columns, to: output)
        for row in rows { renderer.row(row, to: output) }
        renderer.end(to: output)
    }
}

/// A destination of results instead of standard output.
struct ResultTarget {
    var output: Output
    /// The file's name, or `|` and the command.
    var path: String
    /// The destination is for the next result only.
    var isOnce = false
    /// Waits for the command that reads the results, and returns its exit code; nil for a file.
    var wait: (() -> Int32)?
}
