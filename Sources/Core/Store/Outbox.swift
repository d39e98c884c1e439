// Events that leave once more, to another topic: late ones, and rejected ones where that is wanted.
//
// The rows themselves are the outbox; `outbox` remembers up to where the topic is known to hold what was marked as
// published. Invariants: a row's number is on the disk before the row is sent, so a number is never given twice; rows are
// marked only after the broker acknowledged them or they were found in the topic; a row that the topic will never take is
// passed, with an incident in the same transaction, and stays as it is.

import Foundation
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
    package let partition: Int32
    /// Its offset there.
    package let offset: Int64
    /// The message, unchanged.
    package let payload: [UInt8]
    /// The message's key, headers and timestamp.
    package let envelope: SourceEnvelope

    /// Makes a row.
    package init(
        number: Int64, partition: Int32, offset: Int64, payload: [UInt8], envelope: SourceEnvelope = SourceEnvelope()
    ) {
        (self.number, self.partition, self.offset) = (number, partition, offset)
        (self.payload, self.envelope) = (payload, envelope)
    }
}

extension Store {
    /// Rows that are not known to be published, in the order of their numbers, after `number`.
    /// - Parameters:
    ///   - limit: the most rows.
    ///   - bytes: no further row is taken once the payloads together have this size.
    /// - Throws: `SQLiteError`.
    package func unpublished(
        _ name: OutboxName, after number: Int64, limit: Int, bytes: Int = 8 << 20
    ) throws -> [OutboxRow] {
        let filter = name == .late ? "" : "AND payload IS NOT NULL"
        let rows = try connection.prepare(
            """
            SELECT id, kafka_partition, kafka_offset, payload, source_key, source_headers, source_timestamp_ms
            FROM \(name.rawValue) INDEXED BY \(name.rawValue)_to_publish
            WHERE published_at_ms IS NULL \(filter) AND passed_at_ms IS NULL AND id > ?1 ORDER BY id LIMIT ?2
            """)
        try rows.bind(number, at: 1)
        try rows.bind(Int64(limit), at: 2)
        var found: [OutboxRow] = []
        var size = 0
        while size < bytes, try rows.step() {
            func blob(_ column: Int) -> [UInt8]? {
                rows.value(column) == .null ? nil : rows.withBlob(column) { Array($0) }
            }
            let envelope = SourceEnvelope(
                key: blob(4), headers: blob(5), timestamp: rows.value(6) == .null ? nil : rows.int64(6))
            let row = OutboxRow(
                number: rows.int64(0), partition: Int32(clamping: rows.int64(1)), offset: rows.int64(2),
                payload: rows.withBlob(3) { Array($0) }, envelope: envelope)
            size += row.payload.count
            found.append(row)
        }
        return found
    }

    /// How many rows are not known to be published, at most `limit`.
    /// - Throws: `SQLiteError`.
    package func unpublishedCount(_ name: OutboxName, limit: Int = 1_000_000) throws -> Int {
        let filter = name == .late ? "" : "AND payload IS NOT NULL"
        let row = try connection.prepare(
            """
            SELECT count(*) FROM (SELECT 1 FROM \(name.rawValue)
            WHERE published_at_ms IS NULL \(filter) AND passed_at_ms IS NULL LIMIT ?1)
            """)
        try row.bind(Int64(limit), at: 1)
        return try row.step() ? Int(row.int64(0)) : 0
    }

    /// Passes a row that the topic will never take, and notes why. The row itself stays. An open incident of the kind takes
    /// this one in, so that a flood of such rows is one incident with their number.
    /// - Throws: `SQLiteError`.
    package func passUnpublished(_ name: OutboxName, number: Int64, incident: Incident, now: Int64) throws {
        try connection.transaction {
            let row = try connection.prepare("UPDATE \(name.rawValue) SET passed_at_ms = ?2 WHERE id = ?1")
            try row.bind(number, at: 1)
            try row.bind(now, at: 2)
            try row.run()
            try noteOrCount(incident, of: name, now: now)
        }
    }

    private func noteOrCount(_ incident: Incident, of name: OutboxName, now: Int64) throws {
        guard try openIncidents(ofKind: incident.kind) > 0 else { return try write(incident, now: now) }
        let passed =
            try connection.integer("SELECT count(*) FROM \(name.rawValue) WHERE passed_at_ms IS NOT NULL") ?? 0
        let row = try connection.prepare(
            "UPDATE incident SET detail = ?2 WHERE kind = ?1 AND resolved_at_ms IS NULL")
        try row.bind(incident.kind, at: 1)
        try row.bind("\(incident.detail); \(passed) such events in all", at: 2)
        try row.run()
    }

    /// The offsets of the topic from which records may not be marked yet; nil when this topic was never written to.
    /// - Throws: `SQLiteError`.
    package func outboxOffsets(_ name: OutboxName, topic: String) throws -> [Int32: Int64]? {
        let row = try connection.prepare("SELECT offsets FROM outbox WHERE name = ?1 AND topic = ?2")
        try row.bind(name.rawValue, at: 1)
        try row.bind(topic, at: 2)
        guard try row.step() else { return nil }
        return try Self.offsets(row.string(0))
    }

    /// Puts everything up to row `number` on the disk, before it is sent.
    /// - Parameter offsets: the topic's ends as they were before, when it was never written to.
    /// - Throws: `SQLiteError`.
    package func beginPublishing(
        _ name: OutboxName, topic: String, upTo number: Int64, from offsets: [Int32: Int64]
    ) throws {
        try durably {
            let row = try connection.prepare(
                """
                INSERT INTO outbox VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET
                  sending_up_to = excluded.sending_up_to,
                  offsets = CASE WHEN topic = excluded.topic THEN offsets ELSE excluded.offsets END,
                  topic = excluded.topic
                """)
            try row.bind(name.rawValue, at: 1)
            try row.bind(topic, at: 2)
            try row.bind(Self.json(offsets), at: 3)
            try row.bind(number, at: 4)
            try row.run()
        }
    }

    /// Marks rows as published.
    /// - Parameter offsets: the topic's offsets up to which everything is marked now.
    /// - Throws: `SQLiteError`.
    package func markPublished(
        _ name: OutboxName, numbers: some Sequence<Int64>, offsets: [Int32: Int64], now: Int64
    ) throws {
        try transaction {
            let row = try connection.prepare("UPDATE \(name.rawValue) SET published_at_ms = ?2 WHERE id = ?1")
            for number in numbers {
                try row.bind(number, at: 1)
                try row.bind(now, at: 2)
                try row.run()
            }
            let progress = try connection.prepare("UPDATE outbox SET offsets = ?2 WHERE name = ?1")
            try progress.bind(name.rawValue, at: 1)
            try progress.bind(Self.json(offsets), at: 2)
            try progress.run()
        }
    }

    /// Notes that another state has published events of the same source, from anywhere on: what it has sent is looked for at
    /// every start, until all of it was read.
    /// - Throws: `SQLiteError`.
    package func noteForeignPublisher(_ name: OutboxName) throws {
        guard try meta(Self.restoredKey(name)) == nil else { return }
        try setMeta(Self.restoredKey(name), to: try Self.json([Int32: Int64]()))
    }

    /// Notes that this state was restored in the place of a lost one, which may have published events from these offsets on.
    /// - Throws: `SQLiteError`.
    package func noteRestored(_ offsets: [Int32: Int64]) throws {
        for name in OutboxName.allCases { try setMeta(Self.restoredKey(name), to: try Self.json(offsets)) }
    }

    /// The offsets from which a lost state may have published; nil when there is none, or all that was read again.
    /// - Throws: `SQLiteError`.
    package func restoredOffsets(_ name: OutboxName) throws -> [Int32: Int64]? {
        try meta(Self.restoredKey(name)).map { try Self.offsets($0) }
    }

    /// What the lost state has published was read again, and is marked.
    /// - Throws: `SQLiteError`.
    package func forgetRestored(_ name: OutboxName) throws {
        let row = try connection.prepare("DELETE FROM meta WHERE key = ?1")
        try row.bind(Self.restoredKey(name), at: 1)
        try transaction { try row.run() }
    }

    private static func restoredKey(_ name: OutboxName) -> String { "restored.\(name.rawValue)" }

    static func offsets(_ text: String) throws -> [Int32: Int64] {
        try JSONDecoder().decode([Int32: Int64].self, from: Data(text.utf8))
    }
}
