// Incidents as versions before 8 of the format have them: the offsets stand in the sentence alone.

import SQLite

enum OldIncidents {
    /// Puts the offsets of old incidents into their columns.
    /// - Throws: `SQLiteError`.
    static func convert(_ connection: Connection) throws {
        let set = try connection.prepare(
            "UPDATE incident SET kafka_partition = ?2, first_offset = ?3, end_offset = ?4 WHERE id = ?1")
        let old = try connection.all(
            "SELECT id, detail FROM incident WHERE kind = ?1", Incident.missingOffsets
        ) { (id: $0.int64(0), detail: $0.string(1)) }
        for incident in old {
            guard let lost = parse(incident.detail) else { continue }
            try set.run(incident.id, lost.partition, lost.offsets.lowerBound, lost.offsets.upperBound)
        }
    }

    /// From "topic T partition P: offsets A to B (...)"; B is inclusive there.
    static func parse(_ detail: String) -> LostOffsets? {
        let words = detail.split(separator: " ")
        guard
            let at = words.indices.dropLast(5).first(where: { words[$0] == "partition" && words[$0 + 2] == "offsets" }),
            let partition = Int32(words[at + 1].dropLast()), let from = Int64(words[at + 3]), words[at + 4] == "to",
            let last = Int64(words[at + 5]), from >= 0, from <= last, last < Int64.max
        else { return nil }
        return LostOffsets(partition: partition, offsets: from..<last + 1)
    }
}
