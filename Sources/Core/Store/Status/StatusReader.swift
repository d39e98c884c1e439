// Reads the facts from a state, through a connection that can change nothing.
// Invariants: one snapshot for all of them; every question is bounded, whatever the state's size; the file, its log and its
// folder stay as they are.

import Foundation
import Glibc
import SQLite

/// Reads the facts of one state, again and again.
package final class StatusReader {
    private let path: String
    private var connection: Connection?
    private var inode: UInt64 = 0
    /// What `views` added up the last time.
    var sums = WindowSums()
    /// The most rejected rows that are looked at.
    private static let rejectedRows = 10_000

    /// A reader of the state at `path`, which need not exist.
    package init(path: String) {
        self.path = path
    }

    /// The facts as of `now`, but for the service's health.
    /// - Throws: `SQLiteError`, `StoreError.cannotOpen`, `StoreError.notAState`, `StoreError.newerVersion`.
    package func facts(now: Int64, thresholds: StatusThresholds = StatusThresholds()) throws -> StatusFacts {
        var facts = StatusFacts(now: now, path: path)
        guard let connection = try opened() else { return facts }
        try connection.execute("BEGIN")
        defer { try? connection.execute("ROLLBACK") }
        // Before the first service has made its tables there is nothing to read.
        guard try connection.integer("SELECT count(*) FROM sqlite_schema") ?? 0 > 0 else { return facts }
        facts.exists = true
        facts.stateBytes = Self.size(path)
        facts.walBytes = Self.size(path + "-wal")
        try readProgress(connection, &facts)
        try readPartitions(connection, &facts)
        try readExport(connection, &facts)
        try readIncidents(connection, &facts)
        try readEvents(connection, &facts, since: now - thresholds.rejectedMilliseconds)
        return facts
    }

    /// The facts with the health that the service has written beside the state.
    /// - Throws: as `facts(now:)`.
    package func factsFromFiles(now: Int64) throws -> StatusFacts {
        var facts = try facts(now: now)
        facts.health = HealthFile.read(state: path)
        if let health = facts.health, health.host == Self.hostName() {
            facts.processExists = kill(health.pid, 0) == 0 || errno == EPERM
        }
        return facts
    }

    /// The machine's name.
    package static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func size(_ path: String) -> Int64 {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int64(facts.st_size) : 0
    }

    // MARK: Opening

    func opened() throws -> Connection? {
        var info = stat()
        let isFound = stat(path, &info) == 0
        guard isFound || errno == ENOENT else {
            throw StoreError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard !isFound || info.st_mode & S_IFMT == S_IFREG else {
            throw StoreError.cannotOpen(path: path, reason: "it is no regular file")
        }
        guard isFound, info.st_size > 0 else {
            connection = nil
            return nil
        }
        if let connection, inode == UInt64(info.st_ino) { return connection }
        let fresh = try StateReader.open(path, allowsEmpty: true)
        (connection, inode) = (fresh, UInt64(info.st_ino))
        return fresh
    }

    // MARK: Reading

    private func readProgress(_ connection: Connection, _ facts: inout StatusFacts) throws {
        let row = try connection.prepare("SELECT generation, watermark_ms, flushed_at_ms FROM progress")
        if try row.step() {
            facts.generation = row.int64(0)
            facts.watermark = row.optionalInt64(1)
            facts.flushedAt = row.int64(2) > 0 ? row.int64(2) : nil
        }
        facts.topic = try connection.text("SELECT value FROM meta WHERE key = 'topic'")
        facts.windowMilliseconds = try connection.text("SELECT value FROM meta WHERE key = 'window_ms'").flatMap {
            Int64($0)
        }
    }

    private func readPartitions(_ connection: Connection, _ facts: inout StatusFacts) throws {
        let rows = try connection.prepare(
            """
            SELECT kafka_partition, next_offset, high_watermark_offset, max_event_time_ms, idle, counted, late, rejected
            FROM partition_progress ORDER BY kafka_partition
            """)
        while try rows.step() {
            var partition = PartitionProgress(partition: Int32(clamping: rows.int64(0)), nextOffset: rows.int64(1))
            partition.highWatermarkOffset = rows.optionalInt64(2)
            partition.maxEventTime = rows.optionalInt64(3)
            partition.isIdle = rows.int64(4) != 0
            (partition.counted, partition.late, partition.rejected) = (rows.int64(5), rows.int64(6), rows.int64(7))
            facts.partitions.append(partition)
        }
        // As the window engine has it: one without events yet comes before all others.
        let active = facts.partitions.filter { !$0.isIdle }
        facts.watermarkHeldBy = active.min { ($0.maxEventTime ?? .min) < ($1.maxEventTime ?? .min) }?.partition
    }

    private func readExport(_ connection: Connection, _ facts: inout StatusFacts) throws {
        let backlog = try connection.prepare("SELECT count(*), total(bytes) FROM segment")
        if try backlog.step() { (facts.backlogSegments, facts.backlogBytes) = (backlog.int64(0), backlog.int64(1)) }
        let exported = try Store.exportProgress(of: .counts, connection).generation
        facts.hasUnexported = facts.backlogSegments > 0 || facts.generation > exported
        let rows = try connection.prepare(
            """
            SELECT commit_id, table_name, generation, snapshot_id, committed_at_ms, rows_added, rows_deleted, state
            FROM export ORDER BY id DESC LIMIT 50
            """)
        while try rows.step() {
            facts.exports.append(
                ExportFact(
                    commitID: rows.string(0), table: rows.string(1), generation: rows.int64(2),
                    snapshotID: rows.optionalInt64(3), committedAt: rows.optionalInt64(4), rowsAdded: rows.int64(5),
                    rowsDeleted: rows.int64(6), state: rows.string(7)))
        }
        facts.lastExportAt = facts.exports.compactMap(\.committedAt).max()
    }

    private func readIncidents(_ connection: Connection, _ facts: inout StatusFacts) throws {
        let rows = try connection.prepare(
            "SELECT at_ms, kind, detail FROM incident WHERE resolved_at_ms IS NULL ORDER BY id LIMIT 100")
        while try rows.step() {
            facts.incidents.append(IncidentFact(at: rows.int64(0), kind: rows.string(1), detail: rows.string(2)))
        }
    }

    private func readEvents(_ connection: Connection, _ facts: inout StatusFacts, since: Int64) throws {
        facts.unpublishedLate =
            try connection.integer(
                "SELECT count(*) FROM (SELECT 1 FROM late WHERE published_at_ms IS NULL AND passed_at_ms IS NULL LIMIT 100000)"
            ) ?? 0
        facts.unpublishedRejected =
            try connection.integer(
                """
                SELECT count(*) FROM (SELECT 1 FROM rejected WHERE published_at_ms IS NULL AND payload IS NOT NULL
                AND passed_at_ms IS NULL LIMIT 100000)
                """) ?? 0
        let count =
            try connection.integer(
                """
                SELECT count(*) FROM (SELECT received_at_ms FROM rejected ORDER BY id DESC LIMIT \(Self.rejectedRows))
                WHERE received_at_ms >= \(since)
                """) ?? 0
        guard count > 0 else { return }
        let row = try connection.prepare(
            "SELECT reason, kafka_partition, kafka_offset FROM rejected ORDER BY id DESC LIMIT 1")
        guard try row.step() else { return }
        facts.rejected = RejectedFact(
            count: count, example: "\(row.string(0)) (partition \(row.int64(1)), offset \(row.int64(2)))")
    }
}
