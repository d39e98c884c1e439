// Named queries: built-in ones, and the user's own.

/// Queries by name.
final class NamedQueries {
    private let file: PrivateFile?
    /// The file exists but cannot be read, so it must not be replaced.
    private let isUnreadable: Bool
    private(set) var own: [String: String] = [:]

    init(path: String?) {
        file = path.map { PrivateFile(path: $0) }
        let contents = file?.contents(takesNewest: false) ?? .missing
        isUnreadable = contents == .unreadable
        guard case .records(let records) = contents else { return }
        for record in records where record.count == 2 { own[record[0]] = record[1] }
    }

    /// Queries that come with the program.
    static let builtIn = [
        "busiest": """
        SELECT postcode, sum(count) AS views FROM postcode_view_count WHERE timestamp >= ago('1 hour')
        GROUP BY postcode ORDER BY views DESC, postcode LIMIT 10
        """,
        "minutes": """
        SELECT timestamp, sum(count) AS views, count(*) AS postcodes, min(final) AS final FROM postcode_view_count
        WHERE timestamp >= ago('1 hour') GROUP BY timestamp ORDER BY timestamp
        """,
        "lateness": """
        SELECT postcode, count(*) AS late, max(lateness_ms) / 60000 AS most_minutes FROM late_events
        GROUP BY postcode ORDER BY late DESC, postcode LIMIT 10
        """,
        "reasons": """
        SELECT reason, count(*) AS rejected, max(received_at) AS last FROM rejected_events GROUP BY reason
        ORDER BY rejected DESC
        """,
    ]

    subscript(name: String) -> String? { own[name] ?? Self.builtIn[name] }

    /// All queries, sorted by name.
    var all: [(name: String, sql: String, isOwn: Bool)] {
        Set(own.keys).union(Self.builtIn.keys).sorted().compactMap { name in
            self[name].map { (name, $0, own[name] != nil) }
        }
    }

    /// Saves a query.
    /// - Returns: false when the file cannot be written; the session then keeps the query until it ends.
    func save(_ name: String, _ sql: String) -> Bool {
        own[name] = sql
        return store()
    }

    /// Deletes a query of the user.
    /// - Returns: nil when the user has no such query, else whether the file was written.
    func delete(_ name: String) -> Bool? {
        own.removeValue(forKey: name).map { _ in store() }
    }

    private func store() -> Bool {
        if isUnreadable { return false }
        return file?.replace(with: own.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }) ?? true
    }
}
