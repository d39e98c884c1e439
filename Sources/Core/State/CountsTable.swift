// The counts (`counts`) and the windows that they belong to (`windows`).
//
// Invariants: a window's row is written before its counts, so the view never misses a count; its generation is the
// largest of its counts' generations, so a search for changed counts starts from few rows. Both follow from ascending
// keys in `writeCounts` and from generations that only rise (Store+Writer.swift).

package import Base
import SQLite
import Windowing

/// One count of the state.
package struct StoredCount: Equatable, Sendable {
    /// The number of events.
    package let count: Int64
    /// The generation in which the count last changed.
    package let generation: Generation
}

/// A count that has changed since its export, with the location of its exported row.
package struct ChangedCount: Equatable, Sendable {
    /// The window's start.
    package let windowStart: WindowStart
    /// The postcode.
    package let postcode: String
    /// The present count.
    package let count: Int64
    /// The data file of the row with the older count, and the row's position in it; nil when there is no such row.
    package let exported: (path: String, position: Int64)?

    package static func == (a: ChangedCount, b: ChangedCount) -> Bool {
        a.windowStart == b.windowStart && a.postcode == b.postcode && a.count == b.count
            && a.exported?.path == b.exported?.path && a.exported?.position == b.exported?.position
    }
}

/// Looks up counts by key. Lookups in ascending order of keys are the cheapest.
package final class CountsCursor {
    private let cursor: KeyCursor

    init(_ connection: Connection) throws {
        cursor = try KeyCursor(connection, columns: "count, generation", of: "counts")
    }

    /// The count of a key; nil when the state has none.
    /// - Throws: `SQLiteError`.
    package func find(window: WindowStart, postcode: UnsafeRawBufferPointer) throws -> StoredCount? {
        guard try cursor.find(window: window, postcode: postcode) else { return nil }
        return StoredCount(count: cursor.row.int64(2), generation: cursor.row.generation(3))
    }
}

extension StateView {
    /// A cursor over all counts.
    /// - Throws: `SQLiteError`.
    package func countsCursor() throws -> CountsCursor { try CountsCursor(connection) }

    /// The sum of all counts in the state.
    /// - Throws: `SQLiteError`.
    package func sumOfCounts() throws -> Int64 { try connection.number("SELECT sum(count) FROM counts") }

    /// The number of windows whose printed timestamp is not that of their start, and the first of them; nil when there is
    /// none.
    /// - Throws: `SQLiteError`.
    package func misprintedWindows() throws -> (count: Int64, start: WindowStart, timestamp: String)? {
        try connection.prepare(
            """
            SELECT count(*) OVER (), window_start, timestamp FROM windows
            WHERE timestamp IS NOT strftime('%Y-%m-%dT%H:%M:%SZ', window_start, 'unixepoch') ORDER BY window_start LIMIT 1
            """
        ).first { ($0.int64(0), WindowStart(seconds: $0.int64(1)), $0.string(2)) }
    }

    /// The number of counts that have not changed after a generation.
    /// - Throws: `SQLiteError`.
    package func countsUnchanged(since generation: Generation) throws -> Int64 {
        try connection.number("SELECT count(*) FROM counts WHERE generation <= ?1", generation.rawValue)
    }

    /// The number of counts of one window.
    /// - Throws: `SQLiteError`.
    package func numberOfCounts(inWindow start: WindowStart) throws -> Int64 {
        try connection.number("SELECT count(*) FROM counts WHERE window_start = ?1", start.seconds)
    }

    /// Calls `body` for each count of one window. The bytes of the postcode are valid only within `body`.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachCount(
        inWindow start: WindowStart, _ body: (_ postcode: UnsafeRawBufferPointer, StoredCount) throws -> Void
    ) throws {
        try connection.forEach(
            "SELECT postcode, count, generation FROM counts WHERE window_start = ?1", start.seconds
        ) { row in
            try row.withText(0) { try body($0, StoredCount(count: row.int64(1), generation: row.generation(2))) }
        }
    }

    /// Calls `body` for each count that has changed after a generation and differs from its exported row, in ascending
    /// order of keys.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachChanged(since generation: Generation, _ body: (ChangedCount) throws -> Void) throws {
        try connection.forEach(
            """
            SELECT c.window_start, c.postcode, c.count, e.position, f.path
            FROM windows AS w CROSS JOIN counts AS c ON c.window_start = w.window_start
            LEFT JOIN exported AS e ON e.window_start = c.window_start AND e.postcode = c.postcode
            LEFT JOIN data_file AS f ON f.id = e.file_id
            WHERE w.generation > ?1 AND c.generation > ?1 AND e.count IS NOT c.count
            ORDER BY c.window_start, c.postcode
            """, generation.rawValue
        ) { row in
            let position = row.optionalInt64(3)
            let exported = row.optionalString(4).flatMap { path in position.map { (path: path, position: $0) } }
            try body(
                ChangedCount(
                    windowStart: row.window(0), postcode: row.string(1), count: row.int64(2), exported: exported))
        }
    }

    /// Windows of at most `limit` counts that last changed up to a generation (inclusive) and whose exported row is
    /// missing or different; a window is repeated for each such count.
    /// - Throws: `SQLiteError`.
    package func windowsNotAsExported(upTo generation: Generation, limit: Int64) throws -> [WindowStart] {
        try connection.all(
            """
            SELECT c.window_start FROM counts AS c
            LEFT JOIN exported AS e ON e.window_start = c.window_start AND e.postcode = c.postcode
            WHERE c.generation <= ?1 AND e.count IS NOT c.count LIMIT ?2
            """, generation.rawValue, limit
        ) { $0.window(0) }
    }

    /// The latest windows that start before a bound, latest first, with the generations in which they last changed.
    /// - Throws: `SQLiteError`.
    package func windows(before bound: WindowStart, limit: Int64) throws -> [(
        start: WindowStart, generation: Generation
    )] {
        try connection.all(
            "SELECT window_start, generation FROM windows WHERE window_start < ?1 ORDER BY window_start DESC LIMIT ?2",
            bound.seconds, limit
        ) { ($0.window(0), $0.generation(1)) }
    }

    /// The sum of the counts of one window.
    /// - Throws: `SQLiteError`.
    package func sumOfCounts(inWindow start: WindowStart) throws -> Int64 {
        try connection.number("SELECT sum(count) FROM counts WHERE window_start = ?1", start.seconds)
    }

    /// The postcodes with the most views in the windows that start after `first` and at or before `last`.
    /// - Throws: `SQLiteError`.
    package func busiestPostcodes(
        after first: WindowStart, through last: WindowStart, limit: Int64
    ) throws -> [(postcode: String, views: Int64)] {
        try connection.all(
            """
            SELECT postcode, sum(count) AS views FROM counts WHERE window_start > ?1 AND window_start <= ?2
            GROUP BY postcode ORDER BY views DESC, postcode LIMIT ?3
            """, first.seconds, last.seconds, limit
        ) { ($0.string(0), $0.int64(1)) }
    }
}

extension Store {
    /// Adds to counts, in ascending order of keys.
    func writeCounts(_ counts: CountDeltas, generation: Generation) throws {
        var current: WindowStart?
        var start: Int64 = 0
        let statement = statements.count
        try counts.forEachSorted { window, postcode, count in
            if window != current {
                assert(current.map { $0 < window } ?? true, "counts are written in the order of their keys")
                current = window
                start = window.seconds
                try writeWindow(window, generation: generation)
            }
            // `Parameters.run` also resets the statement after an error, so the flush can be retried.
            var row = Parameters(statement)
            try row.add(start)
            try row.add(borrowedText: postcode)
            try row.add(count)
            try row.add(generation)
            try row.run()
        }
    }

    /// Writes a window's row, or raises its generation.
    func writeWindow(_ start: WindowStart, generation: Generation) throws {
        try statements.window.run(start.seconds, UTCText.seconds(start.seconds), generation.rawValue)
    }

    /// The windows that start before a bound and did not change after a generation, earliest first.
    func windows(before bound: WindowStart, unchangedSince generation: Generation, limit: Int) throws -> [WindowStart] {
        try connection.all(
            """
            SELECT window_start FROM windows WHERE window_start < ?1 AND generation <= ?2
            ORDER BY window_start LIMIT ?3
            """, bound.seconds, generation.rawValue, Int64(limit)
        ) { $0.window(0) }
    }

    /// The earliest window in a range that has changed after a generation; nil when there is none.
    func oldestWindow(in range: Range<WindowStart>, changedSince generation: Generation) throws -> WindowStart? {
        try connection.first(
            "SELECT min(window_start) FROM windows WHERE window_start >= ?1 AND window_start < ?2 AND generation > ?3",
            range.lowerBound.seconds, range.upperBound.seconds, generation.rawValue
        ) { $0.isNull(0) ? nil : $0.window(0) } ?? nil
    }

    /// Removes a window, its counts and the locations of their exported rows.
    /// - Returns: the sum of its counts.
    func removeWindow(_ start: WindowStart) throws -> Int64 {
        let events = try sumOfCounts(inWindow: start)
        for table in ["counts", "exported", "windows"] {
            try connection.run("DELETE FROM \(table) WHERE window_start = ?1", start.seconds)
        }
        return events
    }
}
