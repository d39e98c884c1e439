// Reads the facts from a state, through a connection that can change nothing.
// Invariants: one snapshot for all of them; every question is bounded, whatever the state's size; the file, its log and its
// folder stay as they are.

package import State
import Base
import Foundation
import Glibc

/// Reads the facts of one state, again and again.
package final class StatusReader {
    private let path: String
    private var reader: StateReader?
    private var inode: UInt64 = 0
    /// What `views` added up the last time.
    package var sums = WindowSums()
    /// The most rejected rows that are looked at.
    private static let rejectedRows: Int64 = 10_000
    /// The most unpublished rows that are counted.
    private static let unpublishedRows = 100_000

    /// A reader of the state at `path`, which need not exist.
    package init(path: String) {
        self.path = path
    }

    /// The facts as of `now`, but for the service's health.
    /// - Throws: `SQLiteError`, `StoreError.cannotOpen`, `StoreError.notAState`, `StoreError.newerVersion`.
    package func facts(now: Int64, thresholds: StatusThresholds = StatusThresholds()) throws -> StatusFacts {
        var facts = StatusFacts(now: now, path: path)
        guard let reader = try opened() else { return facts }
        try reader.hold()
        defer { try? reader.release() }
        // Before the first service has made its tables there is nothing to read.
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

    package func opened() throws -> StateReader? {
        var info = stat()
        let isFound = stat(path, &info) == 0
        guard isFound || errno == ENOENT else {
            throw StoreError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard !isFound || info.st_mode & S_IFMT == S_IFREG else {
            throw StoreError.cannotOpen(path: path, reason: "it is no regular file")
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
        // As the window engine has it: one without events yet comes before all others.
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
