// Incidents of formats before version 8, which have offsets only in the sentence.

import Base
import SQLite

/// Reads and converts old incidents.
enum OldIncidents {
    /// The version of the format that has columns for the offsets.
    static let convertedIn = 8

    /// Incidents about offsets that Kafka no longer had, with the offsets from their sentences; nil where a sentence
    /// has another form.
    /// - Throws: `SQLiteError`.
    static func read(_ connection: Connection) throws -> [(id: Int64, lost: LostOffsets?)] {
        try connection.all("SELECT id, detail FROM incident WHERE kind = ?1 ORDER BY id", Incident.missingOffsets) {
            ($0.int64(0), parse($0.string(1)))
        }
    }

    /// Writes the offsets of old incidents to their columns.
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

    /// Parses "topic T partition P: offsets A to B (...)", in which B is inclusive.
    /// - Returns: nil for text of another form.
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
