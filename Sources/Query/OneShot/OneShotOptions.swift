// Options of `pageviews query`.

/// The settings of one run of `pageviews query`.
package struct OneShotOptions: Sendable {
    /// The statements, separated by semicolons.
    package var sql: String
    /// nil: a table on a terminal, else tsv.
    package var format: OutputFormat?
    /// The first line names the columns, where the format has such a line.
    package var showsHeader = true
    /// Representation of NULL; nil: empty in csv and tsv, `NULL` elsewhere. JSON always writes null.
    package var null: String?
    /// Values to bind, each `NAME=VALUE`; the name may start with `:`, `@` or `$`. A number is bound as a number,
    /// `'text'` as the text between the quotes, anything else as text.
    package var parameters: [String] = []
    /// Interval at which to repeat until interrupted, in milliseconds; nil: run once.
    package var watchMilliseconds: Int?

    /// - Parameter sql: the statements, separated by semicolons.
    package init(sql: String) { self.sql = sql }
}
