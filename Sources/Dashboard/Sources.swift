// What the pages are made from; the executable provides it. This target knows the store's values, not its file, and
// neither Kafka nor tables nor the SQL session.

package import Health

/// A question to /api/query.
package struct QueryRequest: Equatable, Sendable {
    /// The statement.
    package var sql: String
    /// Values to bind, by name: as `--param NAME=VALUE` takes them.
    package var parameters: [String: String]

    /// A question.
    package init(sql: String, parameters: [String: String] = [:]) { (self.sql, self.parameters) = (sql, parameters) }
}

/// What became of a question.
package enum QueryAnswer: Equatable, Sendable {
    /// The rows, as one JSON array of objects.
    case rows(json: String, isTruncated: Bool)
    /// The statement is wrong, writes, or fails.
    case wrong(String)
    /// It took too long.
    case deadline(String)
    /// Its result is too large.
    case tooLarge(String)
    /// Too many are being answered already.
    case busy
    /// It could not be asked at all.
    case failed(String)
}

/// Where the pages' contents come from. Each may be called often, from many threads at once, and may block: the request's
/// connection has a thread of its own.
package struct DashboardSources: Sendable {
    /// The judged facts as of now.
    package var report: @Sendable () -> StatusReport
    /// Views and busiest postcodes.
    package var series: @Sendable () -> ViewSeries
    /// The process.
    package var process: @Sendable () -> ProcessFacts
    /// Answers a question.
    package var query: @Sendable (QueryRequest) -> QueryAnswer
    /// The server stops: questions that are being answered have to end, and new ones are refused.
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
