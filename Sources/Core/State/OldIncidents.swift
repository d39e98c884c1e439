// Incidents as versions before 8 of the format have them: the offsets stand in the sentence alone.

import Base
import SQLite

enum OldIncidents {
    /// The version of the format that has columns for the offsets.
    static let convertedIn = 8

    /// Incidents about offsets that Kafka no longer had, with what their sentence says.
    /// - Throws: `SQLiteError`.
    static func read(_ connection: Connection) throws -> [(id: Int64, lost: LostOffsets?)] {
        try connection.all("SELECT id, detail FROM incident WHERE kind = ?1 ORDER BY id", Incident.missingOffsets) {
            ($0.int64(0), parse($0.string(1)))
        }
    }

    /// Puts the offsets of old incidents into their columns.
    /// - Throws: `SQLiteError`.
    static func convert(_ connection: Connection) throws {
        let set = try connection.prepare(
            "UPDATE incident SET kafka_partition = ?2, first_offset = ?3, end_offset = ?4 WHERE id = ?1")
        for (id, lost) in try read(connection) {
            guard let lost else { continue }
            try set.run(
                id, lost.partition.rawValue, lost.offsets.lowerBound.rawValue, lost.offsets.upperBound.rawValue)
        }
    }

    /// From "topic T partition P: offsets A to B (...)"; B is inclusive there.
    static func parse(_ detail: String) -> LostOffsets? {
        let words = detail.split(separator: " ")
        guard
            let at = words.indices.dropLast(5).first(where: { words[$0] == "partition" && words[$0 + 2] == "offsets" }),
            let partition = PartitionID(words[at + 1].dropLast()), let from = KafkaOffset(words[at + 3]),
            words[at + 4] == "to",
            let last = KafkaOffset(words[at + 5]), from >= 0, from <= last, last < KafkaOffset.last
        else { return nil }
        return LostOffsets(partition: partition, offsets: from..<last.next)
    }
}
