// Raw segments: local files with every event, waiting to be exported.
// Invariant: a segment's row is written in the transaction that moves the raw offsets over what it covers; its files were
// synced before. Files in the spool that no row names are leftovers of a crash. A segment whose files are gone is dropped
// together with those after it, and the raw offsets go back to where it began.

package import Foundation
import SQLite

/// A half-open range of offsets of one partition.
package struct OffsetSpan: Codable, Equatable, Sendable {
    /// The first offset (inclusive).
    package var from: Int64
    /// The end (exclusive).
    package var to: Int64

    /// A span.
    package init(from: Int64, to: Int64) {
        self.from = from
        self.to = to
    }
}

/// A closed segment.
package struct Segment: Codable, Equatable, Sendable {
    /// One file of the segment.
    package struct File: Codable, Equatable, Sendable {
        /// The file's name in the spool folder.
        package var name: String
        /// Its size in bytes.
        package var bytes: Int64
        /// Days since 1970-01-01 of its rows' timestamps; of the arrival, for JSON lines.
        package var day: Int
        /// What the table format wants to know of it, in a form of the exporter's own; nil for JSON lines.
        package var facts: Data?

        /// A file.
        package init(name: String, bytes: Int64, day: Int, facts: Data?) {
            self.name = name
            self.bytes = bytes
            self.day = day
            self.facts = facts
        }
    }

    /// Its unique name.
    package var name: String
    /// The number of events in it.
    package var rows: Int64
    /// What it covers, by partition.
    package var offsets: [Int32: OffsetSpan]
    /// The Parquet files, one a day.
    package var parquet: [File]
    /// The JSON lines, where they are wanted.
    package var json: File?

    /// A segment.
    package init(name: String, rows: Int64, offsets: [Int32: OffsetSpan], parquet: [File], json: File?) {
        self.name = name
        self.rows = rows
        self.offsets = offsets
        self.parquet = parquet
        self.json = json
    }

    /// The names of all its files.
    package var fileNames: [String] { parquet.map(\.name) + (json.map { [$0.name] } ?? []) }
    /// The bytes of all its files.
    package var bytes: Int64 { parquet.reduce(json?.bytes ?? 0) { $0 + $1.bytes } }
}

extension Store {
    func write(_ segment: Segment, now: Int64) throws {
        let row = try connection.prepare(
            "INSERT INTO segment (name, closed_at_ms, bytes, rows, facts) VALUES (?1, ?2, ?3, ?4, ?5)")
        try row.bind(segment.name, at: 1)
        try row.bind(now, at: 2)
        try row.bind(segment.bytes, at: 3)
        try row.bind(segment.rows, at: 4)
        try row.bind(String(decoding: try JSONEncoder().encode(segment), as: UTF8.self), at: 5)
        try row.run()
        let progress = try connection.prepare("INSERT OR REPLACE INTO raw_progress VALUES (?1, ?2)")
        for (partition, span) in segment.offsets {
            try progress.bind(Int64(partition), at: 1)
            try progress.bind(span.to, at: 2)
            try progress.run()
        }
    }

    /// The offset from which each partition's raw events are still wanted; none for a partition without segments.
    /// - Throws: `SQLiteError`.
    package func rawOffsets() throws -> [Int32: Int64] {
        let rows = try connection.prepare("SELECT kafka_partition, next_offset FROM raw_progress")
        var offsets: [Int32: Int64] = [:]
        while try rows.step() { offsets[Int32(clamping: rows.int64(0))] = rows.int64(1) }
        return offsets
    }

    /// The segments that were not exported, oldest first, at most `limit`.
    /// - Throws: `SQLiteError`, or `DecodingError` for a row that this program did not write.
    package func segments(limit: Int = 1000) throws -> [Segment] {
        let rows = try connection.prepare("SELECT facts FROM segment ORDER BY id LIMIT ?1")
        try rows.bind(Int64(limit), at: 1)
        var segments: [Segment] = []
        while try rows.step() {
            segments.append(try JSONDecoder().decode(Segment.self, from: Data(rows.string(0).utf8)))
        }
        return segments
    }

    /// Where the raw events of each partition have to be read again from when a segment and those after it are dropped; only
    /// the partitions that they cover.
    /// - Throws: `SQLiteError`, or `DecodingError` for a row that this program did not write.
    package func rawOffsets(droppingFrom name: String) throws -> [Int32: Int64] {
        var starts: [Int32: Int64] = [:]
        for segment in try segments(limit: Int(Int32.max)).drop(while: { $0.name != name }) {
            for (partition, span) in segment.offsets {
                starts[partition] = min(starts[partition] ?? span.from, span.from)
            }
        }
        return starts
    }

    /// Drops a waiting segment and those after it: what they cover is wanted again.
    /// - Returns: the names of their files, and where each partition has to be read from again. None where the segment no
    ///   longer waits: it was exported meanwhile. nil when nothing was done, since a commit that was prepared brings one.
    /// - Throws: `SQLiteError`, or `DecodingError` for a row that this program did not write.
    package func dropSegments(from name: String) throws -> (files: [String], starts: [Int32: Int64])? {
        try transaction {
            let dropped = try segments(limit: Int(Int32.max)).drop { $0.name != name }
            let brought = Set(try intent(of: .raw)?.segments ?? [])
            guard brought.isDisjoint(with: dropped.map(\.name)) else { return nil }
            let progress = try connection.prepare(
                "UPDATE raw_progress SET next_offset = ?2 WHERE kafka_partition = ?1 AND next_offset > ?2")
            let starts = try rawOffsets(droppingFrom: name)
            for (partition, start) in starts {
                try progress.bind(Int64(partition), at: 1)
                try progress.bind(start, at: 2)
                try progress.run()
            }
            try forgetSegments(dropped.map(\.name))
            return (dropped.flatMap(\.fileNames), starts)
        }
    }

    /// How many segments wait and how many bytes they hold.
    /// - Throws: `SQLiteError`.
    package func backlog() throws -> (segments: Int64, bytes: Int64) {
        let row = try connection.prepare("SELECT count(*), total(bytes) FROM segment")
        _ = try row.step()
        return (row.int64(0), row.int64(1))
    }

    /// Whether the late log has this event.
    /// - Throws: `SQLiteError`.
    package func isLate(partition: Int32, offset: Int64) throws -> Bool {
        let row = try connection.prepare("SELECT 1 FROM late WHERE kafka_partition = ?1 AND kafka_offset = ?2")
        try row.bind(Int64(partition), at: 1)
        try row.bind(offset, at: 2)
        return try row.step()
    }
}
