// The state as a proof sees it: one read transaction, so everything is of one generation, whatever a running service does.
// Invariant: the connection never writes and never checkpoints.

import Foundation
import SQLite
import Store

/// One partition's figures.
struct ProofPartition {
    let number: Int32
    let first: Int64
    let next: Int64
    let consumed: Int64
    let counted: Int64
    let late: Int64
    let rejected: Int64
    /// Offsets that incidents say Kafka no longer had; ascending, apart from one another.
    let lost: [Range<Int64>]

    /// Offsets without a record that the figures leave.
    var gap: Int64 { next - first - consumed }

    /// How many of the lost offsets lie below `end`.
    func lost(below end: Int64) -> Int64 {
        lost.reduce(0) { $0 + max(0, min($1.upperBound, end) - $1.lowerBound) }
    }

    func isLost(_ offset: Int64) -> Bool { lost.contains { $0.contains(offset) } }
}

/// A state, read at one generation.
final class ProofState {
    let connection: Connection
    let path: String
    let stateID: String?
    let windowSeconds: Int64
    let generation: Int64
    let partitions: [ProofPartition]
    /// Windows that start before this (seconds) may have left the state.
    let evictedBefore: Int64

    /// - Throws: `StoreError`, `SQLiteError`.
    init(path: String) throws {
        self.path = path
        connection = try StateReader.open(path)
        try connection.execute("BEGIN")
        stateID = try Self.meta("state_id", connection)
        windowSeconds = (try Self.meta("window_ms", connection).flatMap { Int64($0) } ?? 60_000) / 1000
        evictedBefore = try Self.meta("evicted_before_s", connection).flatMap { Int64($0) } ?? Int64.min
        generation = try connection.integer("SELECT generation FROM progress") ?? 0
        partitions = try Self.partitions(connection)
    }

    private static func meta(_ key: String, _ connection: Connection) throws -> String? {
        let row = try connection.prepare("SELECT value FROM meta WHERE key = ?1")
        try row.bind(key, at: 1)
        return try row.step() ? row.string(0) : nil
    }

    /// A recorded fact.
    func meta(_ key: String) throws -> String? { try Self.meta(key, connection) }

    private static func partitions(_ connection: Connection) throws -> [ProofPartition] {
        var lost: [Int32: [Range<Int64>]] = [:]
        let incidents = try connection.prepare("SELECT detail FROM incident WHERE kind = 'missing-offsets' ORDER BY id")
        while try incidents.step() {
            if let (partition, range) = LostOffsets.parse(incidents.string(0)) {
                lost[partition, default: []].append(range)
            }
        }
        let rows = try connection.prepare(
            """
            SELECT kafka_partition, first_offset, next_offset, consumed, counted, late, rejected
            FROM partition_progress ORDER BY kafka_partition
            """)
        var partitions: [ProofPartition] = []
        while try rows.step() {
            let number = Int32(clamping: rows.int64(0))
            let bounds = (first: rows.int64(1), next: rows.int64(2))
            partitions.append(
                ProofPartition(
                    number: number, first: bounds.first, next: bounds.next, consumed: rows.int64(3),
                    counted: rows.int64(4), late: rows.int64(5), rejected: rows.int64(6),
                    lost: LostOffsets.joined(lost[number] ?? [], within: bounds.first, bounds.next)))
        }
        return partitions
    }

    /// Offsets of the late or the rejected log, of one partition, in `range`.
    func offsets(of log: String, partition: Int32, in range: Range<Int64>) throws -> OffsetSet {
        let rows = try connection.prepare(
            "SELECT kafka_offset FROM \(log) WHERE kafka_partition = ?1 AND kafka_offset >= ?2 AND kafka_offset < ?3")
        try rows.bind(Int64(partition), at: 1)
        try rows.bind(range.lowerBound, at: 2)
        try rows.bind(range.upperBound, at: 3)
        let offsets = OffsetSet()
        while try rows.step() { _ = offsets.insert(max(0, rows.int64(0))) }
        return offsets
    }

    /// Rows of the ledger.
    func exportedRows() throws -> Int64 { try connection.integer("SELECT count(*) FROM exported") ?? 0 }

    /// Counts that have not changed since a generation.
    func counts(upTo generation: Int64) throws -> Int64 {
        let row = try connection.prepare("SELECT count(*) FROM counts WHERE generation <= ?1")
        try row.bind(generation, at: 1)
        return try row.step() ? row.int64(0) : 0
    }

    /// How many rows of a log a partition has below an offset.
    func count(of log: String, partition: Int32, below end: Int64 = .max) throws -> Int64 {
        let row = try connection.prepare(
            "SELECT count(*) FROM \(log) WHERE kafka_partition = ?1 AND kafka_offset < ?2")
        try row.bind(Int64(partition), at: 1)
        try row.bind(end, at: 2)
        return try row.step() ? row.int64(0) : 0
    }
}

/// The offsets that an incident of kind `missing-offsets` tells of.
enum LostOffsets {
    /// From "topic T partition P: offsets A to B (...)"; B is inclusive there.
    static func parse(_ detail: String) -> (partition: Int32, offsets: Range<Int64>)? {
        let words = detail.split(separator: " ")
        guard
            let at = words.indices.dropLast(5).first(where: { words[$0] == "partition" && words[$0 + 2] == "offsets" }),
            let partition = Int32(words[at + 1].dropLast()), let from = Int64(words[at + 3]), words[at + 4] == "to",
            let last = Int64(words[at + 5]), from >= 0, from <= last, last < Int64.max
        else { return nil }
        return (partition, from..<last + 1)
    }

    /// Sorted, joined where they overlap, and cut to [low, high).
    static func joined(_ ranges: [Range<Int64>], within low: Int64, _ high: Int64) -> [Range<Int64>] {
        var joined: [Range<Int64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            let (from, to) = (max(low, range.lowerBound), min(high, range.upperBound))
            guard from < to else { continue }
            if let last = joined.last, from <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, to)
            } else {
                joined.append(from..<to)
            }
        }
        return joined
    }
}
