// The views that people read: their columns, their timestamps, their query plans.

import Base
import StateFixtures
import TestSupport
import Testing
import Windowing

@testable import SQLite
@testable import State

@Suite("Views")
struct ViewTests {
    @Test(
        "the columns are the contract's, in its order",
        arguments: [
            ("postcode_view_count", "postcode timestamp count final"),
            (
                "late_events",
                "user_id postcode webpage timestamp window lateness_ms kafka_partition kafka_offset received_at published backfilled_at"
            ),
            ("rejected_events", "kafka_partition kafka_offset reason byte_position excerpt received_at"),
            (
                "partitions",
                "topic kafka_partition next_offset high_watermark_offset lag max_event_time watermark idle consumed counted late rejected max_event_offset"
            ),
            ("exports", "table_name generation snapshot_id committed_at rows_added rows_deleted state"),
            ("incidents", "at kind detail resolved_at"),
        ])
    func columns(view: String, names: String) throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        #expect(try store.connection.columns("SELECT * FROM \(view)") == names.split(separator: " ").map(String.init))
        // The schema of an empty state has the same columns.
        let empty = try Connection(path: "", mode: .memory)
        try empty.execute(Store.emptySchema)
        #expect(try empty.columns("SELECT * FROM \(view)") == names.split(separator: " ").map(String.init))
    }

    @Test("late and rejected events, incidents: every value where it belongs, times in ISO 8601")
    func rows() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        var written = fullFlush(40)
        let plain = LateEvent(
            partition: 3, offset: 9, userID: nil, postcode: "é", webpage: nil, eventTime: EventTime(milliseconds: base),
            windowStart: window(base), latenessMilliseconds: 1, receivedAt: base, payload: [0xFF])
        written.late.append(plain)
        try store.write(written, now: base + 5)
        #expect(
            try store.connection.rows("SELECT * FROM late_events ORDER BY kafka_partition") == [
                [
                    .integer(7), .text("E1"), .text("w"), .text("2021-01-26T12:04:01.500001Z"),
                    .text("2021-01-26T12:04:00Z"), .integer(86_500_000), .integer(0), .integer(40),
                    .text("2021-01-27T13:04:00.123Z"), .integer(0), .null,
                ],
                [
                    .null, .text("é"), .null, .text("2021-01-26T12:04:00Z"), .text("2021-01-26T12:04:00Z"), .integer(1),
                    .integer(3), .integer(9), .text("2021-01-26T12:04:00Z"), .integer(0), .null,
                ],
            ])
        #expect(
            try store.connection.rows("SELECT payload FROM late ORDER BY id") == [
                [.blob([0x7B, 0x7D])], [.blob([0xFF])],
            ])
        #expect(
            try store.connection.rows("SELECT * FROM rejected_events") == [
                [
                    .integer(0), .integer(41), .text("not a JSON object"), .integer(3), .text("[\\x00]"),
                    .text("2021-01-27T13:04:00Z"),
                ]
            ])
        #expect(
            try store.connection.rows("SELECT * FROM incidents") == [
                [.text("2021-01-26T12:04:00.005Z"), .text("missing-offsets"), .text("offsets 1 to 2"), .null]
            ])
    }

    @Test("partitions show offsets, lag, sums and times")
    func partitions() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        try store.adopt(Identity(clusterID: "c", topic: "pageviews"), stateID: "s")
        var written = flush([])
        var first = PartitionProgress(partition: 0, nextOffset: 0)
        first.nextOffset = 70
        first.highWatermarkOffset = 100
        first.maxEventTime = EventTime(milliseconds: base + 20_001)
        first.maxEventOffset = 64
        (first.counted, first.late, first.rejected) = (50, 15, 5)
        var second = PartitionProgress(partition: 1, nextOffset: 0)
        second.nextOffset = 5
        second.highWatermarkOffset = 3
        second.maxEventTime = EventTime(milliseconds: 1000)
        second.isIdle = true
        written.partitions = [first, second, PartitionProgress(partition: 2, nextOffset: 0)]
        try store.write(written, now: base)
        #expect(
            try store.connection.rows("SELECT * FROM partitions ORDER BY kafka_partition") == [
                [
                    .text("pageviews"), .integer(0), .integer(70), .integer(100), .integer(30),
                    .text("2021-01-26T12:04:20.001Z"), .text("2021-01-26T12:04:00Z"), .integer(0), .integer(70),
                    .integer(50),
                    .integer(15), .integer(5), .integer(64),
                ],
                // The watermark of an event one second after the epoch is before the epoch.
                [
                    .text("pageviews"), .integer(1), .integer(5), .integer(3), .integer(0),
                    .text("1970-01-01T00:00:01Z"),
                    .text("1969-12-31T23:59:40.999Z"), .integer(1), .integer(0), .integer(0), .integer(0), .integer(0),
                    .null,
                ],
                [
                    .text("pageviews"), .integer(2), .integer(0), .null, .null, .null, .null, .integer(0), .integer(0),
                    .integer(0), .integer(0), .integer(0), .null,
                ],
            ])
    }

    @Test("counts show the window's start and whether it is final")
    func counts() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        var written = flush([
            (base, "E1", 3), (base + 60_000, "E1", 1), (base - 60_000, "N1", 2), (253_402_300_740_000, "Z", 1),
        ])
        written.finalBefore = window(base + 60_000)
        try store.write(written, now: base)
        #expect(
            try store.connection.rows("SELECT * FROM postcode_view_count ORDER BY timestamp") == [
                [.text("N1"), .text("2021-01-26T12:03:00Z"), .integer(2), .integer(1)],
                [.text("E1"), .text("2021-01-26T12:04:00Z"), .integer(3), .integer(1)],
                [.text("E1"), .text("2021-01-26T12:05:00Z"), .integer(1), .integer(0)],
                [.text("Z"), .text("9999-12-31T23:59:00Z"), .integer(1), .integer(0)],
            ])
    }

    @Test(
        "a range of timestamps, a postcode and both are searched, not scanned",
        arguments: [
            "timestamp >= '2021-01-26T12:00:00Z' AND timestamp < '2021-01-26T13:00:00Z'",
            "timestamp = '2021-01-26T12:00:00Z'", "postcode = 'SW19'",
            "postcode = 'SW19' AND timestamp >= '2021-01-26T12:00:00Z'", "postcode IN ('SW19', 'E1')",
        ])
    func plans(condition: String) throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        try store.write(flush((0..<100).map { (base + $0 * 60_000, "SW19", 1) }), now: base)
        for statistics in [false, true] {
            if statistics { try store.connection.execute("ANALYZE") }
            for query in ["SELECT *", "SELECT sum(count)"] {
                let plan = try store.connection.rows(
                    "EXPLAIN QUERY PLAN \(query) FROM postcode_view_count WHERE \(condition)"
                ).compactMap { row -> String? in if case .text(let text) = row[3] { text } else { nil } }
                let text = plan.joined(separator: "; ")
                #expect(!plan.contains { $0.hasPrefix("SCAN c") }, "\(text)")
                #expect(plan.contains { $0.hasPrefix("SEARCH c USING PRIMARY KEY (window_start=?") }, "\(text)")
                if condition.contains("timestamp") {
                    #expect(plan.contains { $0.hasPrefix("SEARCH w USING") && $0.contains("(timestamp") }, "\(text)")
                }
                if condition.contains("postcode") {
                    #expect(plan.contains { $0.contains("(window_start=? AND postcode=?)") }, "\(text)")
                }
            }
        }
    }
}
