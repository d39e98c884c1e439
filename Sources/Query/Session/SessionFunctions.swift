// SQL functions that a session adds.

internal import Base
internal import SQLite

/// The functions of a session.
enum SessionFunctions {
    /// Defines them on a new connection.
    /// - Parameter wallClock: milliseconds since the Unix epoch.
    static func define(on connection: Connection, wallClock: @escaping () -> Int64) throws {
        // Deterministic within a statement as far as the planner is concerned, so that it is computed once and can
        // bound an index.
        try connection.define(function: "ago", argumentCount: 1, isDeterministic: true) { arguments in
            guard case .text(let text)? = arguments.first, let span = Quantity.durations.read(text.trimmed) else {
                return .null
            }
            let moment = wallClock().subtractingReportingOverflow(span)
            return moment.overflow
                ? .null : UTCText.sortable(milliseconds: moment.partialValue).map(Value.text) ?? .null
        }
    }
}

extension SessionFunctions {
    /// Makes the view `history` over what has been entered. Must come before the connection is made read-only; the view
    /// is in the connection's own temporary schema.
    static func defineHistory(on connection: Connection, _ json: @escaping () -> String) throws {
        try connection.define(function: "pageviews_history", argumentCount: 0, isDeterministic: false) { _ in
            .text(json())
        }
        try connection.execute(
            """
            CREATE TEMP VIEW IF NOT EXISTS history AS
            SELECT value ->> 0 AS number, value ->> 1 AS at, value ->> 2 AS statement FROM json_each(pageviews_history())
            """)
    }
}

extension StringProtocol {
    /// Without white space at either end.
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
