// What the page draws: views per window, and the busiest postcodes. Sums of windows that did not change are kept, so that
// drawing costs the few windows that are being counted, not the whole hour.

import SQLite

/// Views of the last windows.
package struct ViewSeries: Equatable, Sendable {
    /// One window.
    package struct Window: Equatable, Sendable {
        /// Its start, seconds since the Unix epoch.
        package let start: Int64
        /// The views counted in it so far.
        package let views: Int64
        /// Nothing more is expected.
        package let isFinal: Bool
    }
    /// One postcode.
    package struct Postcode: Equatable, Sendable {
        /// The postcode, as it came.
        package let name: String
        /// Its views in the windows that were added up.
        package let views: Int64
    }

    /// The windows' length in milliseconds.
    package var windowMilliseconds: Int64 = 60_000
    /// The latest windows that have views, oldest first.
    package var windows: [Window] = []
    /// How many of the latest windows `busiest` adds up.
    package var busiestWindows = 0
    /// The postcodes with the most views, most first.
    package var busiest: [Postcode] = []

    /// Nothing yet.
    package init() {}
}

/// Keeps the sums of windows by generation.
struct WindowSums {
    var sums: [Int64: (generation: Int64, views: Int64)] = [:]
}

extension StatusReader {
    static let seriesWindows = 60
    static let busiestWindows = 5
    static let busiestPostcodes = 10

    /// The series as of now; empty while there is no state.
    /// - Parameter now: milliseconds since the Unix epoch; windows that begin more than an hour later are skipped.
    /// - Throws: `SQLiteError`; `isInterrupt` when it took longer than `mayContinue` allowed.
    package func views(now: Int64, mayContinue: @escaping () -> Bool) throws -> ViewSeries {
        var series = ViewSeries()
        guard let connection = try opened(),
            try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0 > 0
        else { return series }
        connection.setProgressHandler(every: 10_000, mayContinue)
        defer { connection.setProgressHandler(every: 0, nil) }
        try connection.execute("BEGIN")
        defer { try? connection.execute("ROLLBACK") }
        if let length = try connection.text("SELECT value FROM meta WHERE key = 'window_ms'").flatMap({ Int64($0) }) {
            series.windowMilliseconds = length
        }
        try readWindows(connection, before: now / 1000 + 3600, &series)
        try readBusiest(connection, &series)
        return series
    }

    private func readWindows(_ connection: Connection, before bound: Int64, _ series: inout ViewSeries) throws {
        let finalBefore = try connection.integer("SELECT final_before_s FROM progress") ?? 0
        let rows = try connection.prepare(
            """
            SELECT window_start, generation FROM windows WHERE window_start < \(bound)
            ORDER BY window_start DESC LIMIT \(Self.seriesWindows)
            """)
        let sum = try connection.prepare("SELECT sum(count) FROM counts WHERE window_start = ?1")
        var known = WindowSums()
        while try rows.step() {
            let (start, generation) = (rows.int64(0), rows.int64(1))
            var views = sums.sums[start].flatMap { $0.generation == generation ? $0.views : nil }
            if views == nil {
                try sum.bind(start, at: 1)
                views = try sum.step() ? sum.int64(0) : 0
                sum.reset()
            }
            known.sums[start] = (generation, views ?? 0)
            series.windows.append(.init(start: start, views: views ?? 0, isFinal: start < finalBefore))
        }
        series.windows.reverse()
        sums = known
    }

    private func readBusiest(_ connection: Connection, _ series: inout ViewSeries) throws {
        guard let last = series.windows.last else { return }
        let length = max(1, series.windowMilliseconds / 1000)
        series.busiestWindows = Self.busiestWindows
        let rows = try connection.prepare(
            """
            SELECT postcode, sum(count) AS views FROM counts
            WHERE window_start > \(last.start - length * Int64(Self.busiestWindows)) AND window_start <= \(last.start)
            GROUP BY postcode ORDER BY views DESC, postcode LIMIT \(Self.busiestPostcodes)
            """)
        while try rows.step() { series.busiest.append(.init(name: rows.string(0), views: rows.int64(1))) }
    }
}
