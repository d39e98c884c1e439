// Reads the facts about a state through a read-only connection (`StateReader`), which changes neither the file nor its
// log. One snapshot serves all queries of `facts`. Each query has a limit, so its cost does not grow with the state.

package import State
import Base
import Foundation
import Glibc

/// Reads the facts of one state repeatedly over one connection.
package final class StatusReader {
    private let path: String
    private var reader: StateReader?
    private var inode: UInt64 = 0
    /// The sums from the last call of `views`.
    package var sums = WindowSums()
    /// The limit of rejected rows read.
    private static let rejectedRows: Int64 = 10_000
    /// The limit of unpublished rows counted.
    private static let unpublishedRows = 100_000

    /// A reader of the state at `path`, which need not exist.
    package init(path: String) {
        self.path = path
    }

    /// The facts without the service's health.
    /// - Parameter now: the wall clock, in milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`, or `StoreError` when the state cannot be opened.
    package func facts(now: Int64, thresholds: StatusThresholds = StatusThresholds()) throws -> StatusFacts {
        var facts = StatusFacts(now: now, path: path)
        guard let reader = try opened() else { return facts }
        try reader.hold()
        defer { try? reader.release() }
        // The first service has not made the tables yet.
        guard try reader.hasTables() else { return facts }
        facts.exists = true
        facts.stateBytes = Self.size(path)
        facts.walBytes = Self.size(path + "-wal")
        try readProgress(reader, &facts)
        try readPartitions(reader, &facts)
        try readExport(reader, &facts)
        facts.incidents = try reader.openIncidents(limit: 100)
        try readEvents(reader, &facts, since: now - thresholds.rejectedMilliseconds)
        return facts
    }

    /// The facts with the health from the service's heartbeat.
    /// - Throws: as `facts`.
    package func factsFromFiles(now: Int64) throws -> StatusFacts {
        var facts = try facts(now: now)
        facts.health = HealthFile.read(state: path)
        if let health = facts.health, health.host == Self.hostName() {
            facts.processExists = kill(health.pid, 0) == 0 || errno == EPERM
        }
        return facts
    }

    /// The machine's name; empty when the system does not give one.
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

    /// The connection, reopened when the file was replaced; nil while there is no file or it is empty.
    /// - Throws: `SQLiteError`, or `StoreError` when the state cannot be opened.
    package func opened() throws -> StateReader? {
        var info = stat()
        let isFound = stat(path, &info) == 0
        guard isFound || errno == ENOENT else {
            throw StoreError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard !isFound || info.st_mode & S_IFMT == S_IFREG else {
            throw StoreError.cannotOpen(path: path, reason: "it is not a regular file")
        }
        guard isFound, info.st_size > 0 else {
            reader = nil
            return nil
        }
        if let reader, inode == UInt64(info.st_ino) { return reader }
        let fresh = try StateReader(path, allowsEmpty: true)
        (reader, inode) = (fresh, UInt64(info.st_ino))
        return fresh
    }

    // MARK: Reading

    private func readProgress(_ reader: StateReader, _ facts: inout StatusFacts) throws {
        if let last = try reader.lastFlush() {
            (facts.generation, facts.watermark, facts.flushedAt) = (last.generation, last.watermark, last.at)
        }
        facts.topic = try reader.meta(.topic)
        facts.windowMilliseconds = try reader.number(.windowMilliseconds)
    }

    private func readPartitions(_ reader: StateReader, _ facts: inout StatusFacts) throws {
        facts.partitions = try reader.partitionReadings()
        // As in the window engine: a partition without events comes before all others.
        let active = facts.partitions.filter { !$0.isIdle }
        facts.watermarkHeldBy =
            active.min { ($0.maxEventTime?.rawValue ?? .min) < ($1.maxEventTime?.rawValue ?? .min) }?
            .partition
    }

    private func readExport(_ reader: StateReader, _ facts: inout StatusFacts) throws {
        (facts.backlogSegments, facts.backlogBytes) = try reader.backlog()
        let exported = try reader.exportProgress(of: .counts).generation
        facts.hasUnexported = facts.backlogSegments > 0 || facts.generation > exported
        facts.exports = try reader.newestExports(limit: 50)
        facts.lastExportAt = facts.exports.compactMap(\.committedAt).max()
    }

    private func readEvents(_ reader: StateReader, _ facts: inout StatusFacts, since: Int64) throws {
        facts.unpublishedLate = Int64(try reader.unpublishedCount(.late, limit: Self.unpublishedRows))
        facts.unpublishedRejected = Int64(try reader.unpublishedCount(.rejected, limit: Self.unpublishedRows))
        guard let newest = try reader.newestRejected(since: since, limit: Self.rejectedRows) else { return }
        facts.rejected = RejectedFact(
            count: newest.count,
            example: "\(newest.reason) (partition \(newest.partition), offset \(newest.offset))")
    }
}
