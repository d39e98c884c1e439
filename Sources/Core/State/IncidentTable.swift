// The incidents that an operator must know about (`incident`).
//
// Skipped offsets are stored in columns, which `proof` reads. The sentence for people is composed once, when an
// incident is recorded.

package import Base
import SQLite

/// Offsets of one partition that were skipped without being read.
package struct LostOffsets: Equatable, Sendable {
    /// The partition's number in Kafka.
    package let partition: PartitionID
    /// The offsets.
    package let offsets: Range<KafkaOffset>

    /// Lost offsets from their parts.
    package init(partition: PartitionID, offsets: Range<KafkaOffset>) {
        (self.partition, self.offsets) = (partition, offsets)
    }
}

/// An incident to record.
package struct Incident: Equatable, Sendable {
    /// The kind: a short name, such as `missing-offsets`.
    package let kind: String
    /// The sentence for people, with exact figures.
    package let detail: String
    /// The skipped offsets, where the incident is about offsets; otherwise nil.
    package var lost: LostOffsets?

    /// An incident without offsets.
    package init(kind: String, detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// The kind of incidents about offsets that Kafka no longer had.
    static let missingOffsets = "missing-offsets"

    /// The kind of incidents about a log that is not the one that was read. Their offsets are those that the state has
    /// not read, because it had read an earlier log up to there.
    package static let logReplaced = "log-replaced"

    /// An incident about offsets whose records can no longer be read.
    /// - Parameters:
    ///   - place: the owner of the partition, such as `topic views`.
    ///   - what: the end of the sentence: the reason and the consequence.
    package static func missingOffsets(of place: String, _ lost: LostOffsets, _ what: String) -> Incident {
        let (from, to) = (lost.offsets.lowerBound, lost.offsets.upperBound)
        var incident = Incident(
            kind: missingOffsets,
            detail:
                "\(place) partition \(lost.partition): offsets \(from) to \(to.previous) (\(from.distance(to: to)) in all) \(what)"
        )
        incident.lost = lost
        return incident
    }
}

/// An incident that is not resolved.
package struct OpenIncident: Equatable, Sendable {
    /// When it was recorded, in milliseconds since the Unix epoch.
    package let at: Int64
    /// The kind.
    package let kind: String
    /// The sentence for people.
    package let detail: String

    /// An open incident from its parts.
    package init(at: Int64, kind: String, detail: String) { (self.at, self.kind, self.detail) = (at, kind, detail) }
}

extension StateView {
    /// The open incidents, oldest first, at most `limit`.
    /// - Throws: `SQLiteError`.
    package func openIncidents(limit: Int64) throws -> [OpenIncident] {
        try connection.all(
            "SELECT at_ms, kind, detail FROM incident WHERE resolved_at_ms IS NULL ORDER BY id LIMIT ?1", limit
        ) { OpenIncident(at: $0.int64(0), kind: $0.string(1), detail: $0.string(2)) }
    }

    /// The number of open incidents of a kind.
    /// - Throws: `SQLiteError`.
    package func openIncidents(ofKind kind: String) throws -> Int64 {
        try connection.number("SELECT count(*) FROM incident WHERE kind = ?1 AND resolved_at_ms IS NULL", kind)
    }

    /// The offsets that Kafka no longer had, from all incidents, in the order in which these were recorded.
    /// - Throws: `SQLiteError`.
    package func lostOffsets() throws -> [LostOffsets] {
        guard try Schema.check(connection, path: path) >= OldIncidents.convertedIn else {
            return try OldIncidents.read(connection).compactMap(\.lost)
        }
        return try offsets(ofKind: Incident.missingOffsets)
    }

    /// The offsets at which the present logs have other records than the state has read; without those that a version
    /// without columns for them recorded.
    /// - Throws: `SQLiteError`.
    package func unreadOffsets() throws -> [LostOffsets] { try offsets(ofKind: Incident.logReplaced) }

    private func offsets(ofKind kind: String) throws -> [LostOffsets] {
        try connection.all(
            "SELECT kafka_partition, first_offset, end_offset FROM incident WHERE kind = ?1 AND end_offset > 0 ORDER BY id",
            kind
        ) { row -> LostOffsets? in
            let (from, to) = (row.offset(1), row.offset(2))
            return from < to ? LostOffsets(partition: row.partition(0), offsets: from..<to) : nil
        }.compactMap { $0 }
    }
}

extension Store {
    /// Records an incident outside a flush.
    /// - Throws: `SQLiteError`.
    package func note(_ incident: Incident, now: Int64) throws {
        try transaction { try write(incident, now: now) }
    }

    /// Records an incident unless one of its kind is open.
    /// - Throws: `SQLiteError`.
    package func noteOnce(_ incident: Incident, now: Int64) throws {
        guard try openIncidents(ofKind: incident.kind) == 0 else { return }
        try note(incident, now: now)
    }

    /// Resolves the open incidents of a kind.
    /// - Throws: `SQLiteError`.
    package func resolve(incidentsOfKind kind: String, now: Int64) throws {
        try transaction {
            try connection.run(
                "UPDATE incident SET resolved_at_ms = ?2 WHERE kind = ?1 AND resolved_at_ms IS NULL", kind, now)
        }
    }

    /// Inserts an incident.
    func write(_ incident: Incident, now: Int64) throws {
        let lost = incident.lost
        try statements.incident.run(
            now, incident.kind, incident.detail, lost?.partition.rawValue, lost?.offsets.lowerBound.rawValue,
            lost?.offsets.upperBound.rawValue)
    }

    /// Replaces the sentence of the open incident of a kind.
    func setDetail(ofOpenIncidentOfKind kind: String, to detail: String) throws {
        try connection.run("UPDATE incident SET detail = ?2 WHERE kind = ?1 AND resolved_at_ms IS NULL", kind, detail)
    }
}
