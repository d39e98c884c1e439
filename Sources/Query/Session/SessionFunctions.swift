// SQL functions that a session adds.

import Base
import SQLite

/// The argument of `ago` is not a duration, or the result is before the year 0. A NULL instead of this error would make
/// a comparison silently select nothing.
private struct NotADuration: Error, CustomStringConvertible {
    let argument: Value

    var description: String {
        let shown =
            switch argument {
            case .text(let text): text.prefix(40).description.quoted(with: "'")
            case .integer(let number): "\(number)"
            case .real(let number): "\(number)"
            case .blob, .null: "a blob"
            }
        return "ago(\(shown)) is not a time: give a number with ms, s, m, h, d or w, such as ago('90 minutes')"
    }
}

/// The functions of a session.
enum SessionFunctions {
    /// Defines them on a new connection.
    /// - Parameter wallClock: milliseconds since the Unix epoch.
    static func define(on connection: Connection, wallClock: @escaping () -> Int64) throws {
        // Marked deterministic so that SQLite computes it once per statement and can use it to bound an index.
        try connection.define(function: "ago", argumentCount: 1, isDeterministic: true) { arguments in
            guard let argument = arguments.first, argument != .null else { return .null }
            guard case .text(let text) = argument, let span = Quantity.durations.read(text.trimmed) else {
                throw NotADuration(argument: argument)
            }
            let moment = wallClock().subtractingReportingOverflow(span)
            guard !moment.overflow, let text = UTCText.sortable(milliseconds: moment.partialValue) else {
                throw NotADuration(argument: argument)
            }
            return .text(text)
        }
    }
}

extension SessionFunctions {
    /// Creates the view `history` in the connection's temporary schema. Call it before the connection becomes
    /// read-only.
    /// - Throws: `SQLiteError`.
    static func defineHistory(on connection: Connection, _ json: @escaping () -> String) throws {
        try connection.define(function: "pageviews_history", argumentCount: 0, isDeterministic: false) { _ in
            .text(json())
        }
        try connection.execute(
            """
            CREATE TEMP VIEW IF NOT EXISTS history AS
            SELECT value ->> 0 AS number, value ->> 1 AS at, value ->> 2 AS statement
            FROM json_each(pageviews_history())
            """)
    }
}

extension StringProtocol {
    /// The text without white space at either end.
    var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
