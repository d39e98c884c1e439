// Options of `pageviews repl`.

/// The settings of one run of the prompt.
package struct ReplOptions: Sendable {
    /// Statements and commands to run (`-c`, `--file`); nil: read them at a prompt or from standard input.
    package var script: String?
    /// A script continues after an error; the exit code is still 1.
    package var keepsGoing = false
    /// nil: a table on a terminal, else tsv.
    package var format: OutputFormat?
    /// The first line names the columns, where the format has such a line.
    package var showsHeader = true
    /// Representation of NULL; nil: the format's own.
    package var null: String?
    /// Values to bind, each `NAME=VALUE`.
    package var parameters: [String] = []
    /// Shows long results through a pager.
    package var usesPager = true
    /// Use colours on a terminal.
    var usesColour = true
    /// The command that shows long results; nil: `less`.
    package var pager: String?
    /// The command that edits a file; nil: `vi`.
    package var editor: String?
    /// File of the history; nil: keep none.
    var historyPath: String?
    /// File of the named queries; nil: keep none.
    var queriesPath: String?
    /// Commands that run when an interactive prompt starts; nil: none.
    var startupPath: String?
    /// The terminal understands escape sequences.
    package var takesEscapes = true

    /// The defaults, without the user's files.
    package init() {}

    /// Sets the user's files and programs: `~/.pageviews_history`, `~/.pageviews_queries`, `~/.pageviewsrc`, `PAGER`,
    /// `VISUAL` or `EDITOR`, and `NO_COLOR`.
    package mutating func adopt(environment: [String: String]) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let home = value("HOME") {
            historyPath = value("PAGEVIEWS_HISTORY") ?? home + "/.pageviews_history"
            queriesPath = home + "/.pageviews_queries"
            startupPath = home + "/.pageviewsrc"
        }
        pager = value("PAGEVIEWS_PAGER") ?? value("PAGER")
        editor = value("VISUAL") ?? value("EDITOR")
        takesEscapes = Output.takesEscapes(term: value("TERM"))
        usesColour = value("NO_COLOR") == nil && takesEscapes
    }
}

/// The settings for results at the prompt, which commands change.
struct ReplSettings: Equatable {
    enum Expansion: String, CaseIterable { case on, off, auto }

    var format: OutputFormat
    /// Whether to show one value per line: always, never, or when a table is wider than the terminal.
    var expansion = Expansion.auto
    var showsHeader = true
    var null: String?
    var showsTiming = false
    var usesPager = true
    /// The maximum width of a table's cell in columns; nil: no limit.
    var maxCellColumns: Int? = 60
}
