// The part of the ledger that maintenance uses: rows that move to another file, files that no row lies in, orphans.

package import SQLite

/// The key of a row of the counts table.
package struct RowKey: Equatable, Sendable {
    /// The window's start, seconds since the Unix epoch.
    package var windowStart: Int64
    /// The postcode.
    package var postcode: String

    /// A key.
    package init(windowStart: Int64, postcode: String) {
        self.windowStart = windowStart
        self.postcode = postcode
    }
}

extension Store {
    /// Gives the next exported rows the places that are staged for them, in the order of their keys. Rows that are not in
    /// the ledger (any more) are passed over.
    /// - Returns: the last key; nil when none was left.
    /// - Throws: `SQLiteError`; nothing was changed then.
    package func moveExported(after key: RowKey?, limit: Int) throws -> RowKey? {
        try transaction {
            let staged = try connection.prepare(
                """
                SELECT window_start, postcode, file_id, position FROM staged
                WHERE (window_start, postcode) > (?1, ?2) ORDER BY window_start, postcode LIMIT ?3
                """)
            try staged.bind(key?.windowStart ?? Int64.min, at: 1)
            try staged.bind(key?.postcode ?? "", at: 2)
            try staged.bind(Int64(limit), at: 3)
            let move = try connection.prepare(
                "UPDATE exported SET file_id = ?3, position = ?4 WHERE window_start = ?1 AND postcode = ?2")
            var last: RowKey?
            while try staged.step() {
                let key = RowKey(windowStart: staged.int64(0), postcode: staged.string(1))
                try move.bind(key.windowStart, at: 1)
                try move.bind(key.postcode, at: 2)
                try move.bind(staged.int64(2), at: 3)
                try move.bind(staged.int64(3), at: 4)
                try move.run()
                last = key
            }
            return last
        }
    }

    /// Forgets data files in which no exported row lies.
    /// - Throws: `SQLiteError`.
    func forgetFiles(_ paths: [String]) throws {
        let row = try connection.prepare("DELETE FROM data_file WHERE path = ?1")
        for path in paths {
            try row.bind(path, at: 1)
            try row.run()
        }
    }

    /// Forgets data files by their number.
    /// - Throws: `SQLiteError`.
    package func forgetFiles(ids: [Int64]) throws {
        try transaction {
            let row = try connection.prepare("DELETE FROM data_file WHERE id = ?1")
            for id in ids {
                try row.bind(id, at: 1)
                try row.run()
            }
        }
    }

    /// The data files in which no exported or staged row lies, read over another connection, since it takes long.
    /// - Throws: `SQLiteError`.
    package static func deadFiles(_ connection: Connection) throws -> [Int64] {
        let rows = try connection.prepare(
            "SELECT id FROM data_file EXCEPT SELECT file_id FROM exported EXCEPT SELECT file_id FROM staged")
        var ids: [Int64] = []
        while try rows.step() { ids.append(rows.int64(0)) }
        return ids
    }

    /// How many data files the ledger knows.
    /// - Throws: `SQLiteError`.
    package func fileCount() throws -> Int64 { try connection.integer("SELECT count(*) FROM data_file") ?? 0 }

    /// When the last commit of a table was settled, milliseconds since the Unix epoch; nil when none was.
    /// - Throws: `SQLiteError`.
    package func lastSettled(_ tableName: String) throws -> Int64? {
        let row = try connection.prepare(
            "SELECT max(committed_at_ms) FROM export WHERE table_name = ?1 AND state = 'committed'")
        try row.bind(tableName, at: 1)
        return try row.step() ? row.optionalInt64(0) : nil
    }
}
