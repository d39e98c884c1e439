// What an operator has to know of (`incident`).
//
// Offsets that were passed over are columns, which a proof reads; the sentence is made here, once, for people.

package import Base
import SQLite

/// Offsets of one partition that were not read.
package struct LostOffsets: Equatable, Sendable {
    /// The partition's number in Kafka.
    package let partition: PartitionID
    /// The offsets.
    package let offsets: Range<KafkaOffset>

    /// Lost offsets.
    package init(partition: PartitionID, offsets: Range<KafkaOffset>) {
        (self.partition, self.offsets) = (partition, offsets)
    }
}

/// Something an operator has to know of.
package struct Incident: Equatable, Sendable {
    /// A short name, such as `missing-offsets`.
    package let kind: String
    /// What happened, with exact figures.
    package let detail: String
    /// The offsets that were passed over, where it is about such.
    package var lost: LostOffsets?

    /// Makes an incident.
    package init(kind: String, detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// The kind of incidents about offsets that Kafka no longer had.
    static let missingOffsets = "missing-offsets"

    /// Offsets without records that can be read any more.
    /// - Parameters:
    ///   - place: what the partition is of, such as `topic views`.
    ///   - what: what became of them, as the rest of the sentence.
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

/// An incident that is not over.
package struct OpenIncident: Equatable, Sendable {
    /// When it was noted, milliseconds since the Unix epoch.
    package let at: Int64
    /// A short name.
    package let kind: String
    /// What happened.
    package let detail: String

    /// An incident.
    package init(at: Int64, kind: String, detail: String) { (self.at, self.kind, self.detail) = (at, kind, detail) }
}

extension StateView {
    /// The incidents that are not over, oldest first, at most `limit`.
    /// - Throws: `SQLiteError`.
    package func openIncidents(limit: Int64) throws -> [OpenIncident] {
        try connection.all(
            "SELECT at_ms, kind, detail FROM incident WHERE resolved_at_ms IS NULL ORDER BY id LIMIT ?1", limit
        ) { OpenIncident(at: $0.int64(0), kind: $0.string(1), detail: $0.string(2)) }
    }

    /// How many incidents of a kind are not over.
    /// - Throws: `SQLiteError`.
    package func openIncidents(ofKind kind: String) throws -> Int64 {
        try connection.number("SELECT count(*) FROM incident WHERE kind = ?1 AND resolved_at_ms IS NULL", kind)
    }

    /// The offsets that Kafka no longer had, of all incidents, in the order in which they were noted.
    /// - Throws: `SQLiteError`.
    package func lostOffsets() throws -> [LostOffsets] {
        guard try Schema.check(connection, path: path) >= OldIncidents.convertedIn else {
            return try OldIncidents.read(connection).compactMap(\.lost)
        }
        return try connection.all(
            "SELECT kafka_partition, first_offset, end_offset FROM incident WHERE kind = ?1 ORDER BY id",
            Incident.missingOffsets
        ) { row -> LostOffsets? in
            let (from, to) = (row.offset(1), row.offset(2))
            return from < to ? LostOffsets(partition: row.partition(0), offsets: from..<to) : nil
        }.compactMap { $0 }
    }
}

extension Store {
    /// Notes an incident of its own, outside a flush.
    /// - Throws: `SQLiteError`.
    package func note(_ incident: Incident, now: Int64) throws {
        try transaction { try write(incident, now: now) }
    }

    /// Notes an incident where none of its kind is open.
    /// - Throws: `SQLiteError`.
    package func noteOnce(_ incident: Incident, now: Int64) throws {
        guard try openIncidents(ofKind: incident.kind) == 0 else { return }
        try note(incident, now: now)
    }

    /// Marks the open incidents of a kind as over.
    /// - Throws: `SQLiteError`.
    package func resolve(incidentsOfKind kind: String, now: Int64) throws {
        try transaction {
            try connection.run(
                "UPDATE incident SET resolved_at_ms = ?2 WHERE kind = ?1 AND resolved_at_ms IS NULL", kind, now)
        }
    }

    func write(_ incident: Incident, now: Int64) throws {
        let lost = incident.lost
        try statements.incident.run(
            now, incident.kind, incident.detail, lost?.partition.rawValue, lost?.offsets.lowerBound.rawValue,
            lost?.offsets.upperBound.rawValue)
    }

    /// Gives the open incident of a kind another detail.
    func setDetail(ofOpenIncidentOfKind kind: String, to detail: String) throws {
        try connection.run("UPDATE incident SET detail = ?2 WHERE kind = ?1 AND resolved_at_ms IS NULL", kind, detail)
    }
}
