// Raw segments, which are local files of all events that wait for export (`segment`), and the offsets after them
// (`raw_progress`).
//
// Invariant: one transaction inserts a segment's row and advances the raw offsets past the segment; its files are
// synced before. Files in the spool without a row are leftovers of a crash. A segment whose files are lost is dropped
// together with the later ones, and the raw offsets return to its start.

package import Base
import Foundation
import SQLite

/// A half-open range of offsets of one partition.
package struct OffsetSpan: Codable, Equatable, Sendable {
    /// The first offset (inclusive).
    package var from: KafkaOffset
    /// The end (exclusive).
    package var to: KafkaOffset

    /// A span from its parts.
    package init(from: KafkaOffset, to: KafkaOffset) {
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
        /// The size of the file, in bytes.
        package var bytes: Int64
        /// The day of its rows' timestamps, or of their arrival for JSON lines, in days since 1970-01-01.
        package var day: Int
        /// The metrics for its manifest entry; nil for JSON lines.
        package var metrics: ParquetMetrics?
        /// Of JSON lines: the CRC-32 of the file as it was written; nil for one of an earlier version.
        package var checksum: UInt32?

        /// A file from its parts.
        package init(name: String, bytes: Int64, day: Int, metrics: ParquetMetrics?, checksum: UInt32? = nil) {
            self.name = name
            self.bytes = bytes
            self.day = day
            self.metrics = metrics
            self.checksum = checksum
        }

        private enum CodingKeys: CodingKey { case name, bytes, day, metrics, checksum, facts }

        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            name = try values.decode(String.self, forKey: .name)
            bytes = try values.decode(Int64.self, forKey: .bytes)
            day = try values.decode(Int.self, forKey: .day)
            metrics = try values.decodeIfPresent(ParquetMetrics.self, forKey: .metrics)
            checksum = try values.decodeIfPresent(UInt32.self, forKey: .checksum)
            // Version 0.1 stored the metrics as JSON within the JSON.
            if metrics == nil, let facts = try values.decodeIfPresent(Data.self, forKey: .facts) {
                metrics = try JSONDecoder().decode(ParquetMetrics.self, from: facts)
            }
        }

        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(bytes, forKey: .bytes)
            try values.encode(day, forKey: .day)
            try values.encodeIfPresent(metrics, forKey: .metrics)
            try values.encodeIfPresent(checksum, forKey: .checksum)
        }
    }

    /// The segment's unique name.
    package var name: String
    /// The number of events.
    package var rows: Int64
    /// The offsets that the segment covers, by partition.
    package var offsets: [PartitionID: OffsetSpan]
    /// The Parquet files, one for each day.
    package var parquet: [File]
    /// The file of JSON lines; nil when they are not exported.
    package var json: File?

    /// A segment from its parts.
    package init(name: String, rows: Int64, offsets: [PartitionID: OffsetSpan], parquet: [File], json: File?) {
        self.name = name
        self.rows = rows
        self.offsets = offsets
        self.parquet = parquet
        self.json = json
    }

    /// All files.
    package var files: [File] { parquet + (json.map { [$0] } ?? []) }
    /// The names of all files.
    package var fileNames: [String] { files.map(\.name) }
    /// The size of all files, in bytes.
    package var bytes: Int64 { parquet.reduce(json?.bytes ?? 0) { $0 + $1.bytes } }
}

extension StateView {
    /// The offset after each partition's segments, where the next segment begins; none for a partition that never had a
    /// segment.
    /// - Throws: `SQLiteError`.
    package func rawOffsets() throws -> [PartitionID: KafkaOffset] {
        var offsets: [PartitionID: KafkaOffset] = [:]
        try connection.forEach("SELECT kafka_partition, next_offset FROM raw_progress") {
            offsets[$0.partition(0)] = $0.offset(1)
        }
        return offsets
    }

    /// The segments that wait for export, oldest first, at most `limit`.
    /// - Throws: `SQLiteError`, or `DecodingError` for a row that this program did not write.
    package func segments(limit: Int = 1000) throws -> [Segment] {
        try connection.all("SELECT facts FROM segment ORDER BY id LIMIT ?1", Int64(limit)) {
            try JSONDecoder().decode(Segment.self, from: Data($0.string(0).utf8))
        }
    }

    /// The number of segments that wait for export, and their size in bytes.
    /// - Throws: `SQLiteError`.
    package func backlog() throws -> (segments: Int64, bytes: Int64) {
        try connection.first("SELECT count(*), total(bytes) FROM segment") { ($0.int64(0), $0.int64(1)) } ?? (0, 0)
    }

    /// Whether all these segments wait for export.
    func hasSegments(_ names: [String]) throws -> Bool {
        let row = try connection.prepare("SELECT 1 FROM segment WHERE name = ?1")
        return try names.allSatisfy { try row.first($0) { _ in true } ?? false }
    }
}

extension Store {
    /// Inserts a segment and advances the raw offsets past it.
    func write(_ segment: Segment, now: Int64) throws {
        try connection.run(
            "INSERT INTO segment (name, closed_at_ms, bytes, rows, facts) VALUES (?1, ?2, ?3, ?4, ?5)", segment.name,
            now, segment.bytes, segment.rows, try JSONText.encode(segment))
        let progress = try connection.prepare("INSERT OR REPLACE INTO raw_progress VALUES (?1, ?2)")
        for (partition, span) in segment.offsets {
            precondition(span.from <= span.to, "a segment's offsets ascend")
            try progress.run(partition.rawValue, span.to.rawValue)
        }
    }

    /// The offset from which each partition must be re-read when a segment and the later ones are dropped; only for
    /// partitions that they cover.
    /// - Throws: `SQLiteError`, or `DecodingError` for a row that this program did not write.
    package func rawOffsets(droppingFrom name: String) throws -> [PartitionID: KafkaOffset] {
        var starts: [PartitionID: KafkaOffset] = [:]
        for segment in try segments(limit: Int(Int32.max)).drop(while: { $0.name != name }) {
            for (partition, span) in segment.offsets {
                starts[partition] = min(starts[partition] ?? span.from, span.from)
            }
        }
        return starts
    }

    /// Drops a waiting segment and the later ones, so that their offsets are re-read.
    /// - Returns: the names of their files, and the offset from which each partition must be re-read. Both are empty
    ///   when the segment was exported meanwhile. nil when nothing was dropped because an open intent has one of them.
    /// - Throws: `SQLiteError`, `StoreError`, or `DecodingError` for a row that this program did not write.
    package func dropSegments(from name: String) throws -> (files: [String], starts: [PartitionID: KafkaOffset])? {
        try transaction {
            let dropped = try segments(limit: Int(Int32.max)).drop { $0.name != name }
            let brought = Set(try intent(of: .raw)?.segments ?? [])
            guard brought.isDisjoint(with: dropped.map(\.name)) else { return nil }
            let progress = try connection.prepare(
                "UPDATE raw_progress SET next_offset = ?2 WHERE kafka_partition = ?1 AND next_offset > ?2")
            let starts = try rawOffsets(droppingFrom: name)
            for (partition, start) in starts { try progress.run(partition.rawValue, start.rawValue) }
            try forgetSegments(dropped.map(\.name))
            return (dropped.flatMap(\.fileNames), starts)
        }
    }

    /// Removes segments.
    func forgetSegments(_ names: [String]) throws {
        let row = try connection.prepare("DELETE FROM segment WHERE name = ?1")
        for name in names { try row.run(name) }
    }

    /// Sets the raw offsets of a restored state, whose raw rows are already in the table.
    func setRawOffsets(_ offsets: [PartitionID: KafkaOffset]) throws {
        let progress = try connection.prepare("INSERT OR REPLACE INTO raw_progress VALUES (?1, ?2)")
        for (partition, end) in offsets { try progress.run(partition.rawValue, end.rawValue) }
    }
}
