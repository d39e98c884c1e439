// The logs of records that were not counted: late events (`late`) and messages that are not events (`rejected`).
//
// The schema ensures that a record is in a log at most once (UNIQUE partition and offset) and that row numbers ascend
// and are never reused (AUTOINCREMENT).

package import Base
import SQLite

/// The two logs.
package enum EventLog: String, Sendable {
    /// Events that arrived too late.
    case late
    /// Messages that are not events.
    case rejected
}

/// A late event that was added to its count.
package struct BackfilledEvent: Equatable, Sendable {
    /// The window's start.
    package let windowStart: WindowStart
    /// The generation in which its count last changed; nil when the count was evicted.
    package let generation: Generation?
}

extension StateView {
    /// Calls `body` for each offset of a partition that a log has in a range, in no particular order.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachOffset(
        in log: EventLog, partition: PartitionID, _ range: Range<KafkaOffset>, _ body: (KafkaOffset) throws -> Void
    ) throws {
        try connection.forEach(
            """
            SELECT kafka_offset FROM \(log.rawValue)
            WHERE kafka_partition = ?1 AND kafka_offset >= ?2 AND kafka_offset < ?3
            """, partition.rawValue, range.lowerBound.rawValue, range.upperBound.rawValue
        ) { try body($0.offset(0)) }
    }

    /// The number of rows of a partition below an offset that a log has.
    /// - Throws: `SQLiteError`.
    package func numberOfRows(in log: EventLog, partition: PartitionID, below end: KafkaOffset = .last) throws -> Int64
    {
        try connection.number(
            "SELECT count(*) FROM \(log.rawValue) WHERE kafka_partition = ?1 AND kafka_offset < ?2", partition.rawValue,
            end.rawValue)
    }

    /// Whether the late log has the event at an offset.
    /// - Throws: `SQLiteError`.
    package func isLate(partition: PartitionID, offset: KafkaOffset) throws -> Bool {
        try connection.first(
            "SELECT 1 FROM late WHERE kafka_partition = ?1 AND kafka_offset = ?2", partition.rawValue, offset.rawValue
        ) { _ in true } ?? false
    }

    /// Calls `body` for each late event of a partition in a range of offsets. The bytes of the postcode are valid only
    /// within `body`.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachLateEvent(
        partition: PartitionID, _ range: Range<KafkaOffset>,
        _ body: (_ window: WindowStart, _ postcode: UnsafeRawBufferPointer, _ offset: KafkaOffset) throws -> Void
    ) throws {
        try connection.forEach(
            """
            SELECT window_start, postcode, kafka_offset FROM late
            WHERE kafka_partition = ?1 AND kafka_offset >= ?2 AND kafka_offset < ?3
            """, partition.rawValue, range.lowerBound.rawValue, range.upperBound.rawValue
        ) { row in try row.withText(1) { try body(row.window(0), $0, row.offset(2)) } }
    }

    /// The number of late events in the log that were added to their counts.
    /// - Throws: `SQLiteError`.
    package func numberOfBackfilled() throws -> Int64 {
        try connection.number("SELECT count(*) FROM late WHERE backfilled_at_ms IS NOT NULL")
    }

    /// Calls `body` for each late event that was added to its count. The bytes of the postcode are valid only within
    /// `body`.
    /// - Throws: `SQLiteError`, and the errors of `body`.
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
            let event = BackfilledEvent(
                windowStart: row.window(0), generation: row.optionalInt64(2).map(Generation.init(clamping:)))
            try row.withText(1) { try body(event, $0) }
        }
    }

    /// Calls `body` with the postcode of each late event of one window that was added to its count. The bytes are valid
    /// only within `body`.
    /// - Throws: `SQLiteError`, and the errors of `body`.
    package func forEachBackfilled(
        inWindow start: WindowStart, _ body: (_ postcode: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try connection.forEach(
            "SELECT postcode FROM late WHERE window_start = ?1 AND backfilled_at_ms IS NOT NULL", start.seconds
        ) { row in try row.withText(0) { try body($0) } }
    }

    /// The number of messages rejected since a time, with the reason and place of the newest one.
    /// - Parameters:
    ///   - since: milliseconds since the Unix epoch (inclusive).
    ///   - limit: the number of newest rows to read.
    /// - Returns: nil when none was rejected since then.
    /// - Throws: `SQLiteError`.
    package func newestRejected(
        since: Int64, limit: Int64
    ) throws -> (count: Int64, reason: String, partition: PartitionID, offset: KafkaOffset)? {
        let count = try connection.number(
            """
            SELECT count(*) FROM (SELECT received_at_ms FROM rejected ORDER BY id DESC LIMIT ?1)
            WHERE received_at_ms >= ?2
            """, limit, since)
        guard count > 0 else { return nil }
        return try connection.first(
            "SELECT reason, kafka_partition, kafka_offset FROM rejected ORDER BY id DESC LIMIT 1"
        ) { (count, $0.string(0), $0.partition(1), $0.offset(2)) }
    }
}

extension Store {
    /// Writes a late event.
    func write(_ event: LateEvent) throws {
        var row = Parameters(statements.late)
        try row.add(event.partition)
        try row.add(event.offset)
        try row.add(event.userID)
        try row.add(event.postcode)
        try row.add(event.webpage)
        try row.add(event.eventTime.rawValue)
        try row.add(event.windowStart)
        try row.add(event.latenessMilliseconds)
        try row.add(event.receivedAt)
        try row.add(blob: event.payload)
        try add(event.envelope, to: &row)
        try row.run()
    }

    /// Writes a rejected message.
    func write(_ event: RejectedEvent) throws {
        var row = Parameters(statements.rejected)
        try row.add(event.partition)
        try row.add(event.offset)
        try row.add(event.reason)
        try row.add(event.bytePosition)
        try row.add(event.excerpt)
        try row.add(event.receivedAt)
        try row.add(blob: event.payload)
        try add(event.envelope, to: &row)
        try row.run()
    }

    private func add(_ envelope: SourceEnvelope, to row: inout Parameters) throws {
        try row.add(blob: envelope.key)
        try row.add(blob: envelope.headers)
        try row.add(envelope.timestamp)
    }
}
