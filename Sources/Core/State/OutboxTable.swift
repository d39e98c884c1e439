// Events that leave once more, to another topic: late ones, and rejected ones where that is wanted.
//
// The rows themselves are the outbox; `outbox` remembers up to where the topic is known to hold what was marked as
// published. Invariants: a row's number is on the disk before the row is sent, so a number is never given twice; rows are
// marked only after the broker acknowledged them or they were found in the topic; a row that the topic will never take is
// passed, with an incident in the same transaction, and stays as it is.

package import Base
import SQLite

/// Which rows are published.
package enum OutboxName: String, CaseIterable, Sendable {
    /// Late events.
    case late
    /// Rejected messages.
    case rejected
}

/// A row to publish.
package struct OutboxRow: Equatable, Sendable {
    /// Its number: ascending, never used again.
    package let number: Int64
    /// Where it came from.
    package let partition: PartitionID
    /// Its offset there.
    package let offset: KafkaOffset
    /// The message, unchanged.
    package let payload: [UInt8]
    /// The message's key, headers and timestamp.
    package let envelope: SourceEnvelope

    /// Makes a row.
    package init(
        number: Int64, partition: PartitionID, offset: KafkaOffset, payload: [UInt8],
        envelope: SourceEnvelope = SourceEnvelope()
    ) {
        (self.number, self.partition, self.offset) = (number, partition, offset)
        (self.payload, self.envelope) = (payload, envelope)
    }
}

extension OutboxName {
    /// Which rows of its log are published at all: rejected ones without a payload are only counted.
    private var filter: String { self == .late ? "" : "AND payload IS NOT NULL" }

    /// Rows that are not known to be published, and were not passed over.
    fileprivate var waiting: String { "published_at_ms IS NULL \(filter) AND passed_at_ms IS NULL" }
}

extension StateView {
    /// Rows that are not known to be published, in the order of their numbers, after `number`.
    /// - Parameters:
    ///   - limit: the most rows.
    ///   - bytes: no further row is taken once the payloads together have this size.
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

    /// How many rows are not known to be published, at most `limit`.
    /// - Throws: `SQLiteError`.
    package func unpublishedCount(_ name: OutboxName, limit: Int = 1_000_000) throws -> Int {
        let count = try connection.number(
            "SELECT count(*) FROM (SELECT 1 FROM \(name.rawValue) WHERE \(name.waiting) LIMIT ?1)", Int64(limit))
        return Int(count)
    }

    /// The offsets of the topic from which records may not be marked yet; nil when this topic was never written to.
    /// - Throws: `SQLiteError`.
    package func outboxOffsets(_ name: OutboxName, topic: String) throws -> [PartitionID: KafkaOffset]? {
        try connection.first("SELECT offsets FROM outbox WHERE name = ?1 AND topic = ?2", name.rawValue, topic) {
            try JSONText.offsets($0.string(0))
        }
    }

    /// The offsets from which a lost state may have published; nil when there is none, or all that was read again.
    /// - Throws: `SQLiteError`.
    package func restoredOffsets(_ name: OutboxName) throws -> [PartitionID: KafkaOffset]? {
        try meta(.restoredOutbox(name)).map { try JSONText.offsets($0) }
    }
}

extension Store {
    /// Passes a row that the topic will never take, and notes why. The row itself stays. An open incident of the kind takes
    /// this one in, so that a flood of such rows is one incident with their number.
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

    /// Puts everything up to row `number` on the disk, before it is sent.
    /// - Parameter offsets: the topic's ends as they were before, when it was never written to.
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
    /// - Parameter offsets: the topic's offsets up to which everything is marked now.
    /// - Throws: `SQLiteError`.
    package func markPublished(
        _ name: OutboxName, numbers: some Sequence<Int64>, offsets: [PartitionID: KafkaOffset], now: Int64
    ) throws {
        try transaction {
            let row = try connection.prepare("UPDATE \(name.rawValue) SET published_at_ms = ?2 WHERE id = ?1")
            for number in numbers {
                var values = Parameters(row)
                try values.add(number)
                try values.add(now)
                try values.run()
            }
            try connection.run(
                "UPDATE outbox SET offsets = ?2 WHERE name = ?1", name.rawValue, try JSONText.encode(offsets))
        }
    }

    /// Notes that another state has published events of the same source, from anywhere on: what it has sent is looked for at
    /// every start, until all of it was read.
    /// - Throws: `SQLiteError`.
    package func noteForeignPublisher(_ name: OutboxName) throws {
        guard try meta(.restoredOutbox(name)) == nil else { return }
        try setMeta(.restoredOutbox(name), to: try JSONText.encode([PartitionID: KafkaOffset]()))
    }

    /// Notes that this state was restored in the place of a lost one, which may have published events from these offsets on.
    /// - Throws: `SQLiteError`.
    package func noteRestored(_ offsets: [PartitionID: KafkaOffset]) throws {
        for name in OutboxName.allCases { try setMeta(.restoredOutbox(name), to: try JSONText.encode(offsets)) }
    }

    /// What the lost state has published was read again, and is marked.
    /// - Throws: `SQLiteError`.
    package func forgetRestored(_ name: OutboxName) throws { try forgetMeta(.restoredOutbox(name)) }
}
