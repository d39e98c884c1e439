// What the pages are made from; the executable provides it. This target knows the store's values, not its file, and
// neither Kafka nor tables nor the SQL session.

public import Store

/// A question to /api/query.
public struct QueryRequest: Equatable, Sendable {
    /// The statement.
    public var sql: String
    /// Values to bind, by name: as `--param NAME=VALUE` takes them.
    public var parameters: [String: String]

    /// A question.
    public init(sql: String, parameters: [String: String] = [:]) { (self.sql, self.parameters) = (sql, parameters) }
}

/// What became of a question.
public enum QueryAnswer: Equatable, Sendable {
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
public struct DashboardSources: Sendable {
    /// The judged facts as of now.
    public var report: @Sendable () -> StatusReport
    /// Views and busiest postcodes.
    public var series: @Sendable () -> ViewSeries
    /// The process.
    public var process: @Sendable () -> ProcessFacts
    /// Answers a question.
    public var query: @Sendable (QueryRequest) -> QueryAnswer
    /// The server stops: questions that are being answered have to end, and new ones are refused.
    public var willStop: @Sendable () -> Void

    /// Sources from their parts.
    public init(
        report: @escaping @Sendable () -> StatusReport, series: @escaping @Sendable () -> ViewSeries,
        process: @escaping @Sendable () -> ProcessFacts, query: @escaping @Sendable (QueryRequest) -> QueryAnswer,
        willStop: @escaping @Sendable () -> Void = {}
    ) {
        (self.report, self.series, self.process, self.query) = (report, series, process, query)
        self.willStop = willStop
    }
}
