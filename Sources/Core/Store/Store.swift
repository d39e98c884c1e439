// The one writer of a state file.
//
// Invariants: exactly one connection, this one, ever writes or checkpoints (SQLite before 3.51.3 can lose a write when
// two connections reset the WAL at once); every flush is one transaction that holds counts, late and rejected rows,
// offsets, watermark and a generation one higher; every transaction that writes finds the state as this store left it
// (Store+Writer.swift); the file in between is always the whole truth.

package import SQLite
package import Windowing
import Glibc

/// What a state belongs to. It is recorded by the first run and has to be the same ever after.
package struct Identity: Equatable, Sendable {
    /// The cluster id that Kafka's metadata gives.
    package let clusterID: String
    /// The topic's name.
    package let topic: String

    /// Makes an identity.
    package init(clusterID: String, topic: String) {
        self.clusterID = clusterID
        self.topic = topic
    }
}

/// What an earlier run left, read when the state is opened.
package struct Progress: Equatable, Sendable {
    /// The number of flushes so far.
    package var generation: Int64
    /// The watermark in milliseconds since the Unix epoch; nil before there is one.
    package var watermark: Int64?
    /// Windows that end at or before this are final (milliseconds since the Unix epoch); 0 when none is.
    package var finalBefore: Int64
    /// The largest end (exclusive) of any window, in milliseconds since the Unix epoch; 0 when there is none.
    package var latestWindowEnd: Int64
    /// The partitions known.
    package var partitions: [PartitionProgress]
}

/// The state file, opened for writing.
package final class Store {
    /// The file's path as it was given.
    package let path: String
    /// The one writing connection. Export writes its ledger through it, on the same thread.
    package let connection: Connection
    let settings: WindowSettings
    let statements: FlushStatements
    /// nil for one that only reads.
    private let lock: StateLock?
    /// What tells this writer from any other; nil for one that only reads.
    let token: String?
    /// The file itself, where `path` may be a link.
    private let file: String
    /// What this writer holds open; nil for one that only reads.
    private var held: HeldFiles?
    /// The generation of the last flush that was committed.
    package internal(set) var generation: Int64 = 0
    var pagesAtCheckpoint = 0
    /// The oldest waiting segment whose files are not all there, once somebody has noticed; nil when none is known.
    package var lostSegment: String?

    /// Locks and opens the state, creates it when it is missing, and brings it to the newest format.
    /// - Parameter holder: what a process that finds the state locked is told of this one.
    /// - Throws: `StoreError`, or `SQLiteError` when the file is damaged.
    package init(path: String, settings: WindowSettings, holder: String) throws {
        self.path = path
        self.settings = settings
        lock = try StateLock(statePath: path, holder: holder)
        file = try StatePath.resolved(path)
        guard !StatePath.hasSeveralNames(file) else { throw StoreError.severalNames(path: path) }
        connection = try Self.openConnection(file, path)
        try Schema.migrate(connection, path: path)
        try PlausibleNumbers.check(connection, path: path)
        statements = try FlushStatements(connection)
        let token = Self.newToken()
        self.token = token
        generation = try connection.transaction {
            try Self.checkWindow(connection, settings, path)
            return try takeOver(token)
        }
        held = HeldFiles(of: file)
    }

    /// Opens a state for reading alone, at the generation it has now: no lock is taken, a service may go on beside. Whatever
    /// writes through it fails.
    /// - Throws: `StoreError`, or `SQLiteError` when the file is damaged.
    package init(readingOnly path: String, settings: WindowSettings) throws {
        self.path = path
        self.settings = settings
        lock = nil
        token = nil
        held = nil
        file = path
        connection = try StateReader.open(path)
        try connection.execute("PRAGMA cache_size = -8192")
        try connection.execute("BEGIN")
        let version = try Schema.check(connection, path: path)
        guard version == Schema.migrations.count else { throw StoreError.olderVersion(path: path, version: version) }
        statements = try FlushStatements(connection)
        generation = try connection.integer("SELECT generation FROM progress") ?? 0
    }

    /// Checks that the files of the state are still those that were opened.
    /// - Throws: `StoreError.filesLost`.
    package func checkFiles() throws {
        if let lost = held?.lost { throw StoreError.filesLost(path: path, lost: lost) }
    }

    private static func openConnection(_ file: String, _ path: String) throws -> Connection {
        do {
            StatePath.createPrivate(file)
            let connection = try Connection(path: file, mode: .readWriteCreate)
            try connection.setBusyTimeout(milliseconds: 5000)
            // Before anything is changed: the file may be somebody else's.
            try Schema.check(connection, path: path)
            try connection.execute("PRAGMA journal_mode = WAL")
            // A flush needs no barrier of its own: after a power cut the file goes back to an earlier flush, and its
            // offsets with it. What leaves the machine asks for the barrier (`durably`).
            try connection.execute("PRAGMA synchronous = NORMAL")
            connection.countWALPages()
            try connection.execute("PRAGMA journal_size_limit = 67108864")
            try connection.execute("PRAGMA cache_size = -8192")
            try connection.keepWAL()
            return connection
        } catch let error as SQLiteError where error.isCorrupt {
            throw StoreError.notAState(path: path)
        } catch let error as SQLiteError where error.isCannotOpen {
            throw StoreError.cannotOpen(path: path, reason: error.message)
        }
    }

    private static func checkWindow(_ connection: Connection, _ settings: WindowSettings, _ path: String) throws {
        let asked = "\(settings.windowMilliseconds)"
        let recorded = try connection.text("SELECT value FROM meta WHERE key = 'window_ms'")
        if let recorded, recorded != asked {
            throw StoreError.otherWindow(path: path, recordedMilliseconds: recorded, askedMilliseconds: asked)
        }
        let delay = settings.watermarkDelayMilliseconds
        try connection.execute(
            """
            INSERT OR REPLACE INTO meta VALUES ('window_ms', '\(asked)'), ('watermark_delay_ms', '\(delay)')
            """)
    }

    /// Records what the state belongs to, or checks it against what is recorded.
    /// - Parameter stateID: the random id a new state gets.
    /// - Throws: `StoreError.otherCluster`, `StoreError.otherTopic`, or `SQLiteError`.
    package func adopt(_ identity: Identity, stateID: String) throws {
        let topic = try meta("topic")
        if let topic, topic != identity.topic {
            throw StoreError.otherTopic(path: path, recorded: topic, asked: identity.topic)
        }
        let cluster = try meta("cluster_id")
        if let cluster, cluster != identity.clusterID {
            throw StoreError.otherCluster(path: path, recorded: cluster, found: identity.clusterID)
        }
        guard topic == nil || cluster == nil else { return }
        try transaction {
            try setMeta("topic", to: identity.topic)
            try setMeta("cluster_id", to: identity.clusterID)
            // A restored state has the id of the one it replaces, and learns its cluster and topic only here.
            if try meta("state_id") == nil { try setMeta("state_id", to: stateID) }
        }
    }

    /// Checks the topic before Kafka has been reached.
    /// - Throws: `StoreError.otherTopic`, or `SQLiteError`.
    package func checkTopic(_ topic: String) throws {
        if let recorded = try meta("topic"), recorded != topic {
            throw StoreError.otherTopic(path: path, recorded: recorded, asked: topic)
        }
    }

    /// The key of the fact that names the Kafka topic whose offsets the state has: its id, not its name.
    package static let topicIDKey = "topic_id"

    /// A recorded fact about the state; nil when there is none.
    /// - Throws: `SQLiteError`.
    package func meta(_ key: String) throws -> String? {
        let statement = try connection.prepare("SELECT value FROM meta WHERE key = ?1")
        try statement.bind(key, at: 1)
        return try statement.step() ? statement.string(0) : nil
    }

    /// Records a fact about the state.
    /// - Throws: `SQLiteError`.
    package func setMeta(_ key: String, to value: String) throws {
        let statement = try connection.prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")
        try statement.bind(key, at: 1)
        try statement.bind(value, at: 2)
        try transaction { try statement.run() }
    }

    /// Runs `body` as one transaction that is on the disk when this returns, for facts that must survive a power cut
    /// before anything outside depends on them.
    /// - Throws: what `body` throws, or `SQLiteError`.
    package func durably<Result>(_ body: () throws -> Result) throws -> Result {
        try connection.execute("PRAGMA synchronous = FULL")
        defer { try? connection.execute("PRAGMA synchronous = NORMAL") }
        return try transaction(body)
    }

    /// What an earlier run left.
    /// - Throws: `SQLiteError`.
    package func progress() throws -> Progress {
        let head = try connection.prepare("SELECT generation, watermark_ms, final_before_s FROM progress")
        _ = try head.step()
        let latestStart = try connection.integer("SELECT max(window_start) FROM windows")
        var progress = Progress(
            generation: head.int64(0), watermark: head.optionalInt64(1), finalBefore: head.int64(2) * 1000,
            latestWindowEnd: latestStart.map { $0 * 1000 + settings.windowMilliseconds } ?? 0, partitions: [])
        let rows = try connection.prepare(
            """
            SELECT kafka_partition, first_offset, next_offset, high_watermark_offset, max_event_time_ms, idle,
              counted, late, rejected, max_event_offset, last_offset, last_timestamp_ms, last_leader_epoch,
              last_fingerprint
            FROM partition_progress ORDER BY kafka_partition
            """)
        while try rows.step() {
            var partition = PartitionProgress(
                partition: Int32(clamping: rows.int64(0)), nextOffset: rows.int64(2))
            partition.firstOffset = rows.int64(1)
            partition.highWatermarkOffset = rows.optionalInt64(3)
            partition.maxEventTime = rows.optionalInt64(4)
            partition.isIdle = rows.int64(5) != 0
            partition.counted = rows.int64(6)
            partition.late = rows.int64(7)
            partition.rejected = rows.int64(8)
            partition.maxEventOffset = rows.optionalInt64(9)
            partition.lastRecord = Self.mark(rows)
            progress.partitions.append(partition)
        }
        return progress
    }

    private static func mark(_ row: Statement) -> RecordMark? {
        guard let offset = row.optionalInt64(10), let fingerprint = row.optionalInt64(13) else { return nil }
        return RecordMark(
            offset: offset, timestamp: row.optionalInt64(11),
            leaderEpoch: row.optionalInt64(12).map { Int32(clamping: $0) },
            fingerprint: UInt64(bitPattern: fingerprint))
    }

    /// Notes an incident of its own, outside a flush.
    /// - Throws: `SQLiteError`.
    package func note(_ incident: Incident, now: Int64) throws {
        try transaction { try write(incident, now: now) }
    }

    /// Marks the open incidents of a kind as over.
    /// - Throws: `SQLiteError`.
    package func resolve(incidentsOfKind kind: String, now: Int64) throws {
        let statement = try connection.prepare(
            "UPDATE incident SET resolved_at_ms = ?2 WHERE kind = ?1 AND resolved_at_ms IS NULL")
        try statement.bind(kind, at: 1)
        try statement.bind(now, at: 2)
        try transaction { try statement.run() }
    }

    /// How many incidents of a kind are open.
    /// - Throws: `SQLiteError`.
    package func openIncidents(ofKind kind: String) throws -> Int64 {
        let statement = try connection.prepare(
            "SELECT count(*) FROM incident WHERE kind = ?1 AND resolved_at_ms IS NULL")
        try statement.bind(kind, at: 1)
        return try statement.step() ? statement.int64(0) : 0
    }

    /// The size of the write-ahead log, in bytes.
    package var walBytes: Int64 {
        var facts = stat()
        return stat(file + "-wal", &facts) == 0 ? Int64(facts.st_size) : 0
    }

    /// The SQL that makes an empty state with all its views.
    package static var emptySchema: String { Schema.migrations.joined() }
}
