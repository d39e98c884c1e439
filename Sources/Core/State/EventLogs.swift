// The events that were not counted: late ones (`late`) and messages that are no events (`rejected`).
//
// Invariant: both are keyed by partition and offset, so no record is in one of them twice; their own numbers ascend and are
// never given again.

import SQLite

/// The two logs.
package enum EventLog: String, Sendable {
    /// Events that came too late.
    case late
    /// Messages that are not events.
    case rejected
}

/// A late event that was added to its count.
package struct BackfilledEvent: Equatable, Sendable {
    /// The window's start, seconds since the Unix epoch.
    package let windowStart: Int64
    /// The generation in which its count last changed; nil when the count has left the state.
    package let generation: Int64?
}

extension StateView {
    /// The offsets that a log has of a partition, in a range; in no particular order.
    /// - Throws: `SQLiteError`, and what `body` throws.
    package func forEachOffset(
        in log: EventLog, partition: Int32, _ range: Range<Int64>, _ body: (Int64) throws -> Void
    ) throws {
        try connection.forEach(
            """
            SELECT kafka_offset FROM \(log.rawValue)
            WHERE kafka_partition = ?1 AND kafka_offset >= ?2 AND kafka_offset < ?3
            """, partition, range.lowerBound, range.upperBound
        ) { try body($0.int64(0)) }
    }

    /// How many rows a log has of a partition below an offset.
    /// - Throws: `SQLiteError`.
    package func numberOfRows(in log: EventLog, partition: Int32, below end: Int64 = .max) throws -> Int64 {
        try connection.number(
            "SELECT count(*) FROM \(log.rawValue) WHERE kafka_partition = ?1 AND kafka_offset < ?2", partition, end)
    }

    /// Whether the late log has this event.
    /// - Throws: `SQLiteError`.
    package func isLate(partition: Int32, offset: Int64) throws -> Bool {
        try connection.first(
            "SELECT 1 FROM late WHERE kafka_partition = ?1 AND kafka_offset = ?2", partition, offset
        ) { _ in true } ?? false
    }

    /// The late events of a partition in a range of offsets. The bytes of the postcode are valid only within `body`.
    /// - Throws: `SQLiteError`, and what `body` throws.
    package func forEachLateEvent(
        partition: Int32, _ range: Range<Int64>,
        _ body: (_ window: Int64, _ postcode: UnsafeRawBufferPointer, _ offset: Int64) throws -> Void
    ) throws {
        try connection.forEach(
            """
            SELECT window_start, postcode, kafka_offset FROM late
            WHERE kafka_partition = ?1 AND kafka_offset >= ?2 AND kafka_offset < ?3
            """, partition, range.lowerBound, range.upperBound
        ) { row in try row.withText(1) { try body(row.int64(0), $0, row.int64(2)) } }
    }

    /// How many late events in the log were added to their counts.
    /// - Throws: `SQLiteError`.
    package func numberOfBackfilled() throws -> Int64 {
        try connection.number("SELECT count(*) FROM late WHERE backfilled_at_ms IS NOT NULL")
    }

    /// The late events that were added to their counts. The bytes of the postcode are valid only within `body`.
    /// - Throws: `SQLiteError`, and what `body` throws.
    package func forEachBackfilled(
        _ body: (BackfilledEvent, _ postcode: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try connection.forEach(
            """
            SELECT l.window_start, l.postcode, c.generation FROM late AS l
            LEFT JOIN counts AS c ON c.window_start = l.window_start AND c.postcode = l.postcode
            WHERE l.backfilled_at_ms IS NOT NULL
            """
        ) { row in
            let event = BackfilledEvent(windowStart: row.int64(0), generation: row.optionalInt64(2))
            try row.withText(1) { try body(event, $0) }
        }
    }

    /// The postcodes of the late events of one window that were added to their counts, each as often as there are events.
    /// - Throws: `SQLiteError`, and what `body` throws.
    package func forEachBackfilled(
        inWindow start: Int64, _ body: (_ postcode: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try connection.forEach(
            "SELECT postcode FROM late WHERE window_start = ?1 AND backfilled_at_ms IS NOT NULL", start
        ) { row in try row.withText(0) { try body($0) } }
    }

    /// The newest rejected messages received since a time, at most `limit` of them, with the newest of all.
    /// - Parameter since: milliseconds since the Unix epoch.
    /// - Returns: nil when there is none since then.
    /// - Throws: `SQLiteError`.
    package func newestRejected(
        since: Int64, limit: Int64
    ) throws -> (count: Int64, reason: String, partition: Int64, offset: Int64)? {
        let count = try connection.number(
            """
            SELECT count(*) FROM (SELECT received_at_ms FROM rejected ORDER BY id DESC LIMIT ?1)
            WHERE received_at_ms >= ?2
            """, limit, since)
        guard count > 0 else { return nil }
        return try connection.first(
            "SELECT reason, kafka_partition, kafka_offset FROM rejected ORDER BY id DESC LIMIT 1"
        ) { (count, $0.string(0), $0.int64(1), $0.int64(2)) }
    }
}

extension Store {
    func write(_ event: LateEvent) throws {
        try statements.late.run(
            event.partition, event.offset, event.userID, event.postcode, event.webpage, event.eventTimeMicroseconds,
            event.windowStart / 1000, event.latenessMilliseconds, event.receivedAt, event.payload, event.envelope.key,
            event.envelope.headers, event.envelope.timestamp)
    }

    func write(_ event: RejectedEvent) throws {
        try statements.rejected.run(
            event.partition, event.offset, event.reason, event.bytePosition, event.excerpt, event.receivedAt,
            event.payload, event.envelope.key, event.envelope.headers, event.envelope.timestamp)
    }
}
