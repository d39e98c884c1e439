// Times compare as instants in a session, whatever form a bound is written in, on every time column of the state's own
// views. What is expected is computed from the numbers behind the texts.

import Base
import State
import Testing

@testable import Query
@testable import SQLite

/// A state with one row per hour of a day in every view; hour 12 is `noon`.
private struct Day {
    static let midnight: Int64 = 1_768_003_200  // 2026-01-10T00:00:00Z
    static let noon = midnight + 12 * 3600
    let folder: Folder
    let path: String

    init() throws {
        folder = try Folder()
        path = folder.file("state.db")
        let writer = try Connection(path: path, mode: .readWriteCreate)
        try writer.execute(Store.emptySchema + "INSERT INTO meta VALUES ('watermark_delay_ms', '-1')")
        for hour in Int64(0)..<24 {
            let second = Self.midnight + hour * 3600
            // A quarter of a second shows whether fractions are compared as such.
            let (milli, micro) = (second * 1000 + 250 * (hour % 2), second * 1_000_000 + 250_000 * (hour % 2))
            try writer.execute(
                """
                INSERT INTO windows (window_start, timestamp, generation)
                VALUES (\(second), strftime('%Y-%m-%dT%H:%M:%SZ', \(second), 'unixepoch'), 1);
                INSERT INTO counts (window_start, postcode, count, generation) VALUES (\(second), 'SW19', 1, 1);
                INSERT INTO late (kafka_partition, kafka_offset, postcode, event_time_us, window_start, lateness_ms,
                  received_at_ms, payload, backfilled_at_ms)
                VALUES (0, \(hour), 'SW19', \(micro), \(second), 0, \(milli), x'', \(milli));
                INSERT INTO rejected (kafka_partition, kafka_offset, reason, byte_position, excerpt, received_at_ms)
                VALUES (0, \(hour), 'r', 0, 'e', \(milli));
                INSERT INTO partition_progress (kafka_partition, first_offset, next_offset, max_event_time_ms, idle,
                  consumed, counted, late, rejected) VALUES (\(hour), 0, 0, \(milli), 0, 0, 0, 0, 0);
                INSERT INTO export (commit_id, table_name, generation, committed_at_ms, rows_added, rows_deleted, state)
                VALUES ('c\(hour)', 't', 1, \(milli), 0, 0, 'committed');
                INSERT INTO incident (at_ms, kind, detail, resolved_at_ms) VALUES (\(milli), 'k', 'd', \(milli));
                """)
        }
    }

    /// The instants of a column, in seconds.
    static func instants(of column: String, in view: String) -> [Double] {
        let isWhole = view == "postcode_view_count" || column == "window"
        return (0..<24).map { hour -> Double in
            let fraction = isWhole || hour % 2 == 0 ? 0 : 0.25
            return Double(midnight) + Double(hour) * 3600 + fraction
        }
    }

    func session() -> QuerySession {
        makeSession(path) { [folder] in $0.wallClock = { folder.path.isEmpty ? 0 : Day.noon * 1000 } }
    }
}

private func values(_ session: QuerySession, _ sql: String, _ parameters: [String: Value] = [:]) throws -> [Value] {
    var bound = Parameters()
    for (name, value) in parameters { bound.set(name, to: value) }
    var values: [Value] = []
    _ = try session.run(sql, parameters: bound) {
        values += $0
        return true
    }
    return values
}

@Suite struct TimeComparisonTests {
    static let columns = TimeViews.columns.flatMap { view, columns in columns.map { (view, $0) } }

    /// Expressions that mean noon.
    static let noons = [
        "'2026-01-10T12:00:00Z'", "'2026-01-10 12:00:00'", "'2026-01-10T12:00:00'", "'2026-01-10 12:00'",
        "'2026-01-10T12:00Z'", "'2026-01-10T12'", "'2026-01-10 12:00:00.000'", "'2026-01-10T12:00:00.000000Z'",
        "'2026-01-10 14:00:00+02:00'", "'2026-01-10T14:00:00+0200'", "'2026-01-10T06:30-05:30'",
        "'2026-01-11T01:00+13'",
        "datetime('2026-01-10 13:00', '-1 hour')", "datetime(1768046400, 'unixepoch')",
        "datetime('2026-01-10T12:00:00Z')", "strftime('%Y-%m-%dT%H:%M:%SZ', '2026-01-10 12:00')",
        "strftime('%Y-%m-%d %H:%M', 1768046400, 'unixepoch')", "ago('0s')", "date('2026-01-10') || ' 12:00'",
        "(SELECT datetime('2026-01-10 12:00'))",
        "(SELECT max(timestamp) FROM postcode_view_count WHERE timestamp <= '2026-01-10 12:59')",
        ":noon", "max('2026-01-10 12:00', '2026-01-10 11:00')",
    ]

    static let orders: [(String, @Sendable (Double, Double) -> Bool)] = [
        ("<", { $0 < $1 }), ("<=", { $0 <= $1 }), (">", { $0 > $1 }), (">=", { $0 >= $1 }), ("=", { $0 == $1 }),
        ("==", { $0 == $1 }), ("<>", { $0 != $1 }), ("IS", { $0 == $1 }), ("IS NOT", { $0 != $1 }),
    ]

    @Test(arguments: columns) func `every form of a bound selects the same instants`(view: String, column: String)
        throws
    {
        let day = try Day()
        let session = day.session()
        let instants = Day.instants(of: column, in: view)
        let parameters: [String: Value] = ["noon": .text("2026-01-10 12:00")]
        for noon in Self.noons {
            let expected = Self.orders.map { _, holds in
                Value.integer(Int64(instants.count { holds($0, Double(Day.noon)) }))
            }
            let turned = Self.orders.map { _, holds in
                Value.integer(Int64(instants.count { holds(Double(Day.noon), $0) }))
            }
            let sums = Self.orders.map { "count(*) FILTER (WHERE +v.\"\(column)\" \($0.0) \(noon))" }
            let others = Self.orders.map { "count(*) FILTER (WHERE \(noon) \($0.0) \(column))" }
            let all = "SELECT \((sums + others).joined(separator: ", ")) FROM main.\(view) AS v"
            #expect(try values(session, all, parameters) == expected + turned, "\(noon)")
            // A condition may be looked up in an index.
            for (index, (order, _)) in Self.orders.prefix(5).enumerated() {
                let sql = "SELECT count(*) FROM \(view) WHERE \(column) \(order) \(noon)"
                #expect(try values(session, sql, parameters) == [expected[index]], "\(sql)")
            }
        }
    }

    @Test(arguments: columns) func `ranges, lists, joins and derived values compare as instants`(
        view: String, column: String
    ) throws {
        let session = try Day().session()
        let instants = Day.instants(of: column, in: view)
        let (noon, two) = (Double(Day.noon), Double(Day.noon) + 7200)
        let within = Value.integer(Int64(instants.count { $0 >= noon && $0 <= two }))
        let later = Value.integer(Int64(instants.count { $0 >= noon }))
        let all = Value.integer(Int64(instants.count))
        let cases: [(String, Value)] = [
            (
                "SELECT count(*) FROM \(view) WHERE \(column) BETWEEN '2026-01-10 12:00' AND '2026-01-10 16:00+02:00'",
                within
            ),
            ("SELECT count(*) FROM \(view) WHERE \(column) >= '2026-01-10'", all),
            ("SELECT count(*) FROM \(view) WHERE \(column) >= '2026-01'", all),
            ("SELECT count(*) FROM \(view) WHERE \(column) < date('2026-01-11')", all),
            (
                "SELECT count(*) FROM \(view) WHERE \(column) IN ('2026-01-10 12:00', datetime('2026-01-10 14:00'))",
                .integer(2)
            ),
            ("SELECT count(*) FROM \(view) WHERE \(column) IN (SELECT '2026-01-10 12:00')", .integer(1)),
            ("SELECT count(*) FROM \(view) WHERE CASE \(column) WHEN '2026-01-10 12:00' THEN 1 END", .integer(1)),
            (
                "WITH b(at) AS (VALUES ('2026-01-10 12:00'), ('2026-01-10 16:00+02:00')) SELECT count(*) FROM b JOIN \(view) AS v ON b.at = v.\(column)",
                .integer(2)
            ),
            (
                "SELECT count(*) FROM \(view) AS a JOIN postcode_view_count AS b ON a.\(column) = b.timestamp WHERE a.\(column) = '2026-01-10 12:00'",
                .integer(1)
            ),
            ("SELECT max(\(column)) >= '2026-01-10 23:00' FROM \(view)", .integer(1)),
            (
                "SELECT count(*) FROM (SELECT max(\(column)) AS t FROM \(view) GROUP BY unixepoch(\(column))) WHERE t >= '2026-01-10 12:00'",
                later
            ),
            ("SELECT count(*) FROM \(view) WHERE coalesce(NULL, \(column)) >= datetime('2026-01-10 12:00')", later),
            ("SELECT count(*) FROM \(view) WHERE CASE WHEN 1 THEN \(column) END >= '2026-01-10 12:00'", later),
            (
                "SELECT count(*) FROM (SELECT lag(\(column), 0) OVER (ORDER BY \(column)) AS t FROM \(view)) WHERE t >= '2026-01-10 12:00'",
                later
            ),
            ("SELECT count(*) FROM \(view) WHERE unixepoch(\(column)) >= 1768046400", later),
            ("SELECT count(*) FROM \(view) WHERE julianday(\(column)) >= julianday('2026-01-10 12:00')", later),
            ("SELECT count(*) FROM \(view) WHERE date(\(column)) = '2026-01-10'", all),
            ("SELECT count(*) FROM \(view) WHERE strftime('%H', \(column)) = '12'", .integer(1)),
            ("SELECT count(*) FROM \(view) WHERE strftime('%s', \(column)) = '1768046400'", .integer(1)),
            ("SELECT count(*) FROM \(view) WHERE \(column) LIKE '2026-01-10T12%'", .integer(1)),
            ("SELECT count(*) FROM \(view) WHERE substr(\(column), 1, 13) = '2026-01-10T12'", .integer(1)),
            ("SELECT count(*) FROM \(view) WHERE \(column) COLLATE BINARY >= '2026-01-10 12:00'", all),
            ("SELECT count(DISTINCT \(column)) FROM \(view) WHERE \(column) IS NOT NULL", all),
        ]
        for (sql, expected) in cases { #expect(try values(session, sql) == [expected], "\(sql)") }
        let sorted = try values(session, "SELECT unixepoch(\(column)) FROM \(view) ORDER BY \(column) DESC")
        #expect(sorted == instants.reversed().map { .integer(Int64($0)) })
    }

    @Test(arguments: columns) func `a value that is not a time is refused by name`(view: String, column: String) throws
    {
        let session = try Day().session()
        let bounds = [
            "1768046400", "1768046400000", "1768046400.5", "-1", "2026", "unixepoch('now')", "unixepoch() - 3600",
            "julianday('now')", "strftime('%s', 'now')", "CAST(strftime('%s', 'now') AS INTEGER)", "CAST(5 AS REAL)",
            "(SELECT 1768046400)", "'1768046400'", "'2026'", "'yesterday'", "'now'", "''", "'12:00'", "time('now')",
            "'2026-02-30'", "'2026-01-10T25:00:00Z'", "'2026-13-01T00:00:00Z'", "'10/01/2026'", "'20260110T120000Z'",
            "'-1 hour'", ":number",
            "':text'", "max(1768046400, 5)", "x'323032362d30312d3130'", "CAST('2026-01-10' AS BLOB)", "(SELECT x'00')",
        ]
        for bound in bounds {
            for condition in [
                "\(column) >= \(bound)", "\(bound) < \(column)", "\(column) = \(bound)",
                "\(column) BETWEEN \(bound) AND \(bound)",
            ] {
                let sql = "SELECT count(*) FROM \(view) WHERE \(condition)"
                let error = #expect(throws: QueryError.self, "\(sql)") {
                    try values(session, sql, ["number": .integer(1_768_046_400)])
                }
                guard case .sql(let message, _)? = error else { continue }
                #expect(message.hasPrefix("a time is compared with"), "\(sql): \(message)")
            }
        }
        for sql in [
            "SELECT count(*) FROM \(view) HAVING max(\(column)) >= 1768046400",
            "SELECT coalesce(\(column), 'x') < unixepoch() FROM \(view)",
            "SELECT 1 FROM \(view) WHERE \(column) IN (1768046400, 5)",
            "SELECT 1 WHERE (SELECT max(\(column)) FROM \(view)) > 1768046400",
        ] {
            #expect(throws: QueryError.self, "\(sql)") { try values(session, sql) }
        }
    }

    @Test func `other texts and numbers compare as they always did`() throws {
        let session = try Day().session()
        let cases: [(String, Value)] = [
            ("SELECT '2026-01-10 12:00' < 'a'", .integer(1)),
            ("SELECT count(*) FROM late_events WHERE postcode >= '2026-01-10'", .integer(24)),
            ("SELECT count(*) FROM postcode_view_count WHERE count = 1 AND postcode = 'SW19'", .integer(24)),
            ("SELECT count(*) FROM windows WHERE window_start >= 1768046400", .integer(12)),
            ("SELECT count(*) FROM windows WHERE timestamp >= '2026-01-10 12:00'", .integer(12)),
            ("SELECT count(timestamp) > 5 FROM postcode_view_count", .integer(1)),
            (
                "SELECT count(*) FROM postcode_view_count WHERE (SELECT count(*) FROM late_events WHERE timestamp > '2026') > 5",
                .null
            ),
            ("SELECT 1 AS '2026-01-10'", .integer(1)), ("SELECT '2026-01-10'", .text("2026-01-10")),
        ]
        for (sql, expected) in cases where expected != .null {
            #expect(try values(session, sql) == [expected], "\(sql)")
        }
        var names: [String] = []
        _ = try session.run("SELECT '2026-01-10', datetime(0), timestamp, max(timestamp) FROM postcode_view_count") {
            names = $0
        } receive: { _ in
            true
        }
        #expect(names == ["'2026-01-10'", "datetime(0)", "timestamp", "max(timestamp)"])
    }

    @Test(arguments: [
        "SELECT timestamp, sum(count) FROM postcode_view_count GROUP BY timestamp",
        "SELECT * FROM postcode_view_count ORDER BY timestamp DESC LIMIT 5",
        "SELECT v.timestamp, count FROM postcode_view_count v ORDER BY v.timestamp ASC, postcode",
    ])
    func `counts are sorted by an index, not one by one`(sql: String) throws {
        let session = try Day().session()
        let plan = try values(session, "EXPLAIN QUERY PLAN \(sql)")
        #expect(
            !plan.contains(.text("USE TEMP B-TREE FOR ORDER BY"))
                && !plan.contains(.text("USE TEMP B-TREE FOR GROUP BY")))
        let times = try values(
            session, "SELECT unixepoch(timestamp) FROM (\(sql))")
        #expect(times == times.sorted { "\($0)" < "\($1)" } || times == times.sorted { "\($0)" > "\($1)" })
    }

    @Test func `any two texts compare as their instants do, or are refused`() throws {
        let connection = try Connection(path: "", mode: .memory)
        let fault = TimeFault()
        try TimeCollation.define(on: connection, fault: fault)
        let compare = try connection.prepare("SELECT (?1 > ?2 COLLATE instant) - (?1 < ?2 COLLATE instant)")
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(state: seed)
        func text() -> String {
            var text = Array(UTCText.sortable(milliseconds: .random(in: 0...4_000_000_000_000, using: &random)) ?? "")
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                text[.random(in: 0..<text.count, using: &random)] =
                    "0123456789-:TZ /?é".randomElement(using: &random) ?? "0"
            }
            return String(text)
        }
        for _ in 0..<3000 {
            let (first, second) = (text(), text())
            compare.reset()
            fault.message = nil
            try compare.bind(first, at: 1)
            try compare.bind(second, at: 2)
            #expect(try compare.step())
            guard let left = Instant(first), let right = Instant(second) else {
                #expect((fault.message == nil) == (Instant(first) == nil && Instant(second) == nil), "seed \(seed)")
                continue
            }
            #expect(compare.int64(0) == (left == right ? 0 : left < right ? -1 : 1), "\(first) \(second), seed \(seed)")
            #expect(fault.message == nil)
        }
    }
}
