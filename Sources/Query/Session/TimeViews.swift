// Temporary views that shadow the state's views of the same names: their time columns compare as instants.
// The state's own schema does not change: other programs could not read a view that needs our collations.

import SQLite

/// The time columns of the views, and the temporary views that give them a collation.
enum TimeViews {
    /// The time columns, by view. All are UTC texts in ISO 8601.
    static let columns: [String: Set<String>] = [
        "postcode_view_count": ["timestamp"],
        "late_events": ["timestamp", "window", "received_at", "backfilled_at"],
        "rejected_events": ["received_at"],
        "partitions": ["max_event_time", "watermark"],
        "exports": ["committed_at"],
        "incidents": ["at", "resolved_at"],
    ]

    /// The view with many rows. Its time column is indexed and always in one form, so byte order is time order.
    static let (countsView, countsColumn) = ("postcode_view_count", "timestamp")

    /// The names of all time columns.
    static let allColumns = columns.values.reduce(into: Set<String>()) { $0.formUnion($1) }

    /// Creates the views on a new connection, which may still write to its temporary schema. Skips views that the state
    /// does not have.
    /// - Throws: `SQLiteError`.
    static func define(on connection: Connection) throws {
        for (view, times) in columns.sorted(by: { $0.key < $1.key }) {
            let names = try columnNames(of: view, on: connection)
            guard !names.isEmpty else { continue }
            let list = names.map { name in
                let quoted = name.quoted(with: "\"")
                // Already a text; sorting uses its index.
                if view == countsView, name == countsColumn { return "\(quoted) COLLATE instant AS \(quoted)" }
                // The cast is for comparisons with numbers: SQLite converts the number to a text, for the collation.
                return times.contains(name) ? "CAST(\(quoted) AS TEXT) COLLATE instant AS \(quoted)" : quoted
            }
            try connection.execute(
                "CREATE TEMP VIEW IF NOT EXISTS \(view) AS SELECT \(list.joined(separator: ", ")) FROM main.\(view)")
        }
    }

    private static func columnNames(of view: String, on connection: Connection) throws -> [String] {
        let statement = try connection.prepare(
            """
            SELECT name FROM pragma_table_xinfo('\(view)', 'main')
            WHERE EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'view' AND name = '\(view)') ORDER BY cid
            """)
        var names: [String] = []
        while try statement.step() { names.append(statement.string(0)) }
        return names
    }
}
