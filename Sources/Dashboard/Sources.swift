// The sources of the pages' contents: closures that Commands provides. This target knows the values of the state, but
// not its file, Kafka, the tables or SQL sessions.

package import Health

/// A request to /api/query.
package struct QueryRequest: Equatable, Sendable {
    /// The statement.
    package var sql: String
    /// Values to bind, by name, in the form of `--param NAME=VALUE`.
    package var parameters: [String: String]

    /// A request.
    package init(sql: String, parameters: [String: String] = [:]) { (self.sql, self.parameters) = (sql, parameters) }
}

/// The outcome of a request to /api/query.
package enum QueryAnswer: Equatable, Sendable {
    /// The rows, as one JSON array of objects.
    case rows(json: String, isTruncated: Bool)
    /// The statement is wrong, writes, or fails.
    case wrong(String)
    /// The statement exceeded its time limit.
    case deadline(String)
    /// The result is too large.
    case tooLarge(String)
    /// Too many statements are running.
    case busy
    /// The statement could not be run.
    case failed(String)
}

/// The functions that provide the pages' contents. Many threads may call each of them at once. They may block, because
/// each connection has its own thread.
package struct DashboardSources: Sendable {
    /// The current status report.
    package var report: @Sendable () -> StatusReport
    /// Views per window, and the busiest postcodes.
    package var series: @Sendable () -> ViewSeries
    /// Figures of the process.
    package var process: @Sendable () -> ProcessFacts
    /// Runs a statement.
    package var query: @Sendable (QueryRequest) -> QueryAnswer
    /// Called when the server stops: ends running statements and refuses new ones.
    package var willStop: @Sendable () -> Void

    /// Sources from their parts.
    package init(
        report: @escaping @Sendable () -> StatusReport, series: @escaping @Sendable () -> ViewSeries,
        process: @escaping @Sendable () -> ProcessFacts, query: @escaping @Sendable (QueryRequest) -> QueryAnswer,
        willStop: @escaping @Sendable () -> Void = {}
    ) {
        (self.report, self.series, self.process, self.query) = (report, series, process, query)
        self.willStop = willStop
    }
}
