// The outbox: late events and, on request, rejected messages that the publisher sends to another topic.
//
// The rows of the two logs are the outbox. The table `outbox` has the offsets of the topic up to which the publisher
// has marked all its records.
//
// Invariants: a row's number is durable before the row is sent (`beginPublishing`), and the schema never reuses a
// number; the publisher marks a row only after the broker acknowledged it or the row was found in the topic; a row that
// the topic will never accept is passed over, unchanged, with an incident in the same transaction (`passUnpublished`).

package import Base
import SQLite

/// The rows to publish: one outbox for each log.
package enum OutboxName: String, CaseIterable, Sendable {
    /// Late events.
    case late
    /// Rejected messages.
    case rejected
}

/// A row as its record in the topic names it.
package struct PublishedRow: Hashable, Sendable {
    /// The row's number.
    package let number: Int64
    /// The source record's partition.
    package let partition: PartitionID
    /// The source record's offset.
    package let offset: KafkaOffset

    /// A row from its parts.
    package init(number: Int64, partition: PartitionID, offset: KafkaOffset) {
        (self.number, self.partition, self.offset) = (number, partition, offset)
    }
}

/// A row to publish.
package struct OutboxRow: Equatable, Sendable {
    /// The row's number: ascending, never reused.
    package let number: Int64
    /// The source record's partition.
    package let partition: PartitionID
    /// The source record's offset.
    package let offset: KafkaOffset
    /// The message, unchanged.
    package let payload: [UInt8]
    /// The message's key, headers and timestamp.
    package let envelope: SourceEnvelope

    /// A row from its parts.
    package init(
        number: Int64, partition: PartitionID, offset: KafkaOffset, payload: [UInt8],
        envelope: SourceEnvelope = SourceEnvelope()
    ) {
        (self.number, self.partition, self.offset) = (number, partition, offset)
        (self.payload, self.envelope) = (payload, envelope)
    }
}

extension OutboxName {
    /// SQL for the rows that can be published: not rejected messages without a payload, which are only counted.
    private var filter: String { self == .late ? "" : "AND payload IS NOT NULL" }

    /// SQL for the rows that wait: neither known to be published nor passed over.
    fileprivate var waiting: String { "published_at_ms IS NULL \(filter) AND passed_at_ms IS NULL" }
}

extension StateView {
    /// Rows that wait, in ascending order of their numbers, from after `number`.
    /// - Parameters:
    ///   - limit: the largest number of rows.
    ///   - bytes: the size of all payloads at which no further row is added.
    /// - Throws: `SQLiteError`.
    package func unpublished(
        _ name: OutboxName, after number: Int64, limit: Int, bytes: Int = 8 << 20
    ) throws -> [OutboxRow] {
        let rows = try connection.prepare(
            """
            SELECT id, kafka_partition, kafka_offset, payload, source_key, source_headers, source_timestamp_ms
            FROM \(name.rawValue) INDEXED BY \(name.rawValue)_to_publish
            WHERE \(name.waiting) AND id > ?1 ORDER BY id LIMIT ?2
            """)
        try rows.restart(number, Int64(limit))
        var found: [OutboxRow] = []
        var size = 0
        while size < bytes, try rows.step() {
            let row = Self.outboxRow(rows)
            size += row.payload.count
            found.append(row)
        }
        return found
    }

    private static func outboxRow(_ row: Statement) -> OutboxRow {
        func blob(_ column: Int) -> [UInt8]? { row.isNull(column) ? nil : row.withBlob(column) { Array($0) } }
        return OutboxRow(
            number: row.int64(0), partition: row.partition(1), offset: row.offset(2),
            payload: row.withBlob(3) { Array($0) },
            envelope: SourceEnvelope(key: blob(4), headers: blob(5), timestamp: row.optionalInt64(6)))
    }

    /// The number of rows that wait, at most `limit`.
    /// - Throws: `SQLiteError`.
    package func unpublishedCount(_ name: OutboxName, limit: Int = 1_000_000) throws -> Int {
        let count = try connection.number(
            "SELECT count(*) FROM (SELECT 1 FROM \(name.rawValue) WHERE \(name.waiting) LIMIT ?1)", Int64(limit))
        return Int(count)
    }

    /// The topic's offsets from which its records may not be marked yet; nil when nothing was sent to this topic.
    /// - Throws: `SQLiteError`, or `DecodingError` for a row that this program did not write.
    package func outboxOffsets(_ name: OutboxName, topic: String) throws -> [PartitionID: KafkaOffset]? {
        try connection.first("SELECT offsets FROM outbox WHERE name = ?1 AND topic = ?2", name.rawValue, topic) {
            try JSONText.offsets($0.string(0))
        }
    }

    /// The source's offsets from which another state may have published events; nil when there is no such state, or the
    /// publisher has read everything that it published.
    /// - Throws: `SQLiteError`, or `DecodingError` for a value that this program did not write.
    package func restoredOffsets(_ name: OutboxName) throws -> [PartitionID: KafkaOffset]? {
        try meta(.restoredOutbox(name)).map { try JSONText.offsets($0) }
    }
}

extension Store {
    /// Passes over a row that the topic will never accept, and records an incident. The row stays. While an incident of
    /// the kind is open, it is updated with the number of such rows instead.
    /// - Throws: `SQLiteError`.
    package func passUnpublished(_ name: OutboxName, number: Int64, incident: Incident, now: Int64) throws {
        try transaction {
            try connection.run("UPDATE \(name.rawValue) SET passed_at_ms = ?2 WHERE id = ?1", number, now)
            try noteOrCount(incident, of: name, now: now)
        }
    }

    private func noteOrCount(_ incident: Incident, of name: OutboxName, now: Int64) throws {
        guard try openIncidents(ofKind: incident.kind) > 0 else { return try write(incident, now: now) }
        let passed = try connection.number("SELECT count(*) FROM \(name.rawValue) WHERE passed_at_ms IS NOT NULL")
        try setDetail(
            ofOpenIncidentOfKind: incident.kind, to: "\(incident.detail); \(passed) such events in all")
    }

    /// Makes the rows up to `number` (inclusive) durable before they are sent.
    /// - Parameter offsets: the topic's present ends; stored only for the first publication to this topic.
    /// - Throws: `SQLiteError`.
    package func beginPublishing(
        _ name: OutboxName, topic: String, upTo number: Int64, from offsets: [PartitionID: KafkaOffset]
    ) throws {
        try durably {
            try connection.run(
                """
                INSERT INTO outbox VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET
                  sending_up_to = excluded.sending_up_to,
                  offsets = CASE WHEN topic = excluded.topic THEN offsets ELSE excluded.offsets END,
                  topic = excluded.topic
                """, name.rawValue, topic, try JSONText.encode(offsets), number)
        }
    }

    /// Marks rows as published.
    /// - Parameters:
    ///   - numbers: the numbers of the rows.
    ///   - offsets: the topic's offsets (exclusive) up to which all records are now marked.
    ///   - now: the wall clock, in milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`.
    package func markPublished(
        _ name: OutboxName, numbers: some Sequence<Int64>, offsets: [PartitionID: KafkaOffset], now: Int64
    ) throws {
        try mark(name, "id = ?2", numbers, offsets: offsets, now: now) { values, number in try values.add(number) }
    }

    /// Marks rows that were found in the topic. A record marks only the row that has its number and its source: a lost state
    /// may have given the number to another event, because a restored state's numbers begin at the wall clock.
    /// - Parameters:
    ///   - offsets: the topic's offsets (exclusive) up to which all records are now marked.
    ///   - now: the wall clock, in milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`.
    package func markFound(
        _ name: OutboxName, _ found: some Sequence<PublishedRow>, offsets: [PartitionID: KafkaOffset], now: Int64
    ) throws {
        try mark(name, "id = ?2 AND kafka_partition = ?3 AND kafka_offset = ?4", found, offsets: offsets, now: now) {
            try $0.add($1.number)
            try $0.add($1.partition)
            try $0.add($1.offset)
        }
    }

    /// Marks the rows that meet a condition, which has the parameters that `bind` adds, from ?2 on.
    private func mark<Row>(
        _ name: OutboxName, _ condition: String, _ rows: some Sequence<Row>, offsets: [PartitionID: KafkaOffset],
        now: Int64, bind: (inout Parameters, Row) throws -> Void
    ) throws {
        try transaction {
            let statement = try connection.prepare(
                "UPDATE \(name.rawValue) SET published_at_ms = ?1 WHERE \(condition)")
            for row in rows {
                var values = Parameters(statement)
                try values.add(now)
                try bind(&values, row)
                try values.run()
            }
            try connection.run(
                "UPDATE outbox SET offsets = ?2 WHERE name = ?1", name.rawValue, try JSONText.encode(offsets))
        }
    }

    /// Records that another state has published events of the same source from unknown offsets. The publisher searches
    /// the topic for them at every start, until it has read all of them.
    /// - Throws: `SQLiteError`.
    package func noteForeignPublisher(_ name: OutboxName) throws {
        guard try meta(.restoredOutbox(name)) == nil else { return }
        try setMeta(.restoredOutbox(name), to: try JSONText.encode([PartitionID: KafkaOffset]()))
    }

    /// Records that this state replaces a lost one, which may have published events from these offsets of the source.
    /// - Throws: `SQLiteError`.
    package func noteRestored(_ offsets: [PartitionID: KafkaOffset]) throws {
        for name in OutboxName.allCases { try setMeta(.restoredOutbox(name), to: try JSONText.encode(offsets)) }
    }

    /// Records that the publisher has read and marked everything that the other state published.
    /// - Throws: `SQLiteError`.
    package func forgetRestored(_ name: OutboxName) throws { try forgetMeta(.restoredOutbox(name)) }
}
