// SQL of the state's tables for the prompt, which has a read-only connection of its own and does not import this target.

/// Questions about one window, as SQL.
package enum WindowQuestions {
    /// The length of windows, in milliseconds; no row when it is not recorded.
    package static let length = "SELECT value FROM meta WHERE key = 'window_ms'"

    /// The exported count of a key, and the first export that contains its current count: the state records the generation
    /// that last wrote each count.
    /// - Parameters:
    ///   - start: the window's start, as a SQL expression in seconds since the Unix epoch.
    ///   - postcode: a SQL literal.
    ///   - hasColumn: whether the state has a column of a table, which older formats lack.
    package static func exports(
        start: String, postcode: String, hasColumn: (_ column: String, _ table: String) -> Bool
    ) -> String {
        let columns = """
            snapshot_id, substr(committed_at, 1, 19) || 'Z' AS committed_at,
            coalesce(state, 'not exported yet') AS state
            """
        guard hasColumn("generation", "counts"), hasColumn("window_start", "exported") else {
            return "SELECT \(columns) FROM exports ORDER BY generation DESC LIMIT 5"
        }
        let key = "window_start = \(start) AND postcode = \(postcode)"
        let written = "(SELECT generation FROM counts WHERE \(key))"
        return """
            SELECT (SELECT count FROM exported WHERE \(key)) AS count, \(columns) FROM (SELECT 1)
            LEFT JOIN (SELECT * FROM exports WHERE generation >= \(written) AND table_name LIKE '%count%'
            ORDER BY generation LIMIT 1) WHERE \(written) IS NOT NULL
            """
    }
}
