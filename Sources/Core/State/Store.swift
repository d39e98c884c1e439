// The one writer of a state file.
//
// Invariants: only this connection writes or checkpoints (SQLite before 3.51.3 can lose a write when two connections
// reset the WAL at once), which the lock file and the writer's token ensure; a flush is one transaction with counts,
// late and rejected rows, offsets, watermark and a generation one higher (Store+Flush.swift), so the file is consistent
// between flushes; each writing transaction finds the state as this store left it (Store+Writer.swift).

package import Base
import Glibc
import SQLite
package import Windowing

/// The cluster and topic of a state. The first run records them, and later runs must have the same.
package struct Identity: Equatable, Sendable {
    /// The cluster id from Kafka's metadata.
    package let clusterID: String
    /// The topic's name.
    package let topic: String

    /// An identity from its parts.
    package init(clusterID: String, topic: String) {
        self.clusterID = clusterID
        self.topic = topic
    }
}

/// The state file, opened for writing.
package final class Store: StateView {
    let settings: WindowSettings
    let statements: FlushStatements
    /// The lock; nil for a store that only reads.
    private let lock: StateLock?
    /// The writer's random token; nil for a store that only reads.
    let token: String?
    /// The path of the file itself; `path` may be a link.
    private let file: String
    /// The files that this writer holds open; nil for a store that only reads.
    private var held: HeldFiles?
    /// The generation of the last flush that was committed.
    package internal(set) var generation: Generation = 0
    /// The size of the write-ahead log at the last checkpoint, in pages.
    var pagesAtCheckpoint = 0
    /// How long checkpoints wait for readers.
    var checkpointWait = CheckpointWait()
    /// The oldest waiting segment with lost files, once the exporter has found it; nil when none is known.
    package var lostSegment: String?

    /// Locks and opens the state, creates it when it is missing, and migrates it to the newest format.
    /// - Parameter holder: the name of this process in the errors of others that find the state locked.
    /// - Throws: `StoreError`.
    package init(path: String, settings: WindowSettings, holder: String) throws {
        self.settings = settings
        lock = try StateLock(statePath: path, holder: holder)
        file = try StatePath.resolved(path)
        guard !StatePath.hasSeveralNames(file) else { throw StoreError.severalNames(path: path) }
        let connection = try Self.openConnection(file, path)
        statements = try StoreError.explaining(path) {
            try Schema.migrate(connection, path: path)
            try PlausibleNumbers.check(connection, path: path)
            return try FlushStatements(connection)
        }
        let token = Self.newToken()
        self.token = token
        super.init(path: path, connection: connection)
        generation = try StoreError.explaining(path) {
            try connection.transaction {
                try checkWindow()
                return try takeOver(token)
            }
        }
        held = HeldFiles(of: file)
    }

    /// Opens a state for reading only, at its present generation. Takes no lock, so a service may write meanwhile.
    /// Writes through this store fail.
    /// - Throws: `StoreError`, or `SQLiteError` when the file is damaged.
    package init(readingOnly path: String, settings: WindowSettings) throws {
        self.settings = settings
        lock = nil
        token = nil
        held = nil
        file = path
        let connection = try StateReader.open(path)
        try connection.execute("PRAGMA cache_size = -8192")
        try connection.execute("BEGIN")
        let version = try Schema.check(connection, path: path)
        guard version == Schema.migrations.count else { throw StoreError.olderVersion(path: path, version: version) }
        statements = try FlushStatements(connection)
        super.init(path: path, connection: connection)
        generation = try recordedGeneration()
    }

    /// Checks that the files of the state are those that were opened.
    /// - Throws: `StoreError.filesLost`.
    package func checkFiles() throws {
        if let lost = held?.lost { throw StoreError.filesLost(path: path, lost: lost) }
    }

    private static func openConnection(_ file: String, _ path: String) throws -> Connection {
        try StoreError.explaining(path) {
            StatePath.createPrivate(file)
            let connection = try Connection(path: file, mode: .readWriteCreate)
            try connection.setBusyTimeout(milliseconds: 5000)
            // Before any change: the file may belong to another program.
            try Schema.check(connection, path: path)
            try connection.execute("PRAGMA journal_mode = WAL")
            // A flush does not wait for the disk: after a power cut the file returns to an earlier flush, offsets
            // included. Transactions that others depend on use `durably`.
            try connection.execute("PRAGMA synchronous = NORMAL")
            connection.countWALPages()
            try connection.execute("PRAGMA journal_size_limit = 67108864")
            try connection.execute("PRAGMA cache_size = -8192")
            try connection.keepWAL()
            return connection
        }
    }

    private func checkWindow() throws {
        let asked = "\(settings.windowMilliseconds)"
        if let recorded = try meta(.windowMilliseconds), recorded != asked {
            throw StoreError.otherWindow(path: path, recordedMilliseconds: recorded, askedMilliseconds: asked)
        }
        for (key, value) in [
            (MetaKey.windowMilliseconds, asked),
            (.watermarkDelayMilliseconds, "\(settings.watermarkDelayMilliseconds)"),
        ] {
            try connection.run("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", key.text, value)
        }
    }

    /// Records the identity of a new state, or compares it with the recorded one. The id is on the disk when this returns,
    /// because tables and topics name it.
    /// - Parameter stateID: the random id for a new state.
    /// - Throws: `StoreError.otherCluster`, `StoreError.otherTopic`, or `SQLiteError`.
    package func adopt(_ identity: Identity, stateID: String) throws {
        let topic = try meta(.topic)
        if let topic, topic != identity.topic {
            throw StoreError.otherTopic(path: path, recorded: topic, asked: identity.topic)
        }
        let cluster = try meta(.clusterID)
        if let cluster, cluster != identity.clusterID {
            throw StoreError.otherCluster(path: path, recorded: cluster, found: identity.clusterID)
        }
        guard topic == nil || cluster == nil else { return }
        try durably {
            try setMeta(.topic, to: identity.topic)
            try setMeta(.clusterID, to: identity.clusterID)
            // A restored state already has the id of the state that it replaces, but no cluster and topic yet.
            if try self.stateID() == nil { try setMeta(.stateID, to: stateID) }
        }
    }

    /// Compares the topic with the recorded one, if any. Does not need Kafka.
    /// - Throws: `StoreError.otherTopic`, or `SQLiteError`.
    package func checkTopic(_ topic: String) throws {
        if let recorded = try meta(.topic), recorded != topic {
            throw StoreError.otherTopic(path: path, recorded: recorded, asked: topic)
        }
    }

    /// Runs `body` in one transaction that is durable when this returns, for values that must survive a power cut
    /// before another system depends on them.
    /// - Throws: the errors of `body`, `StoreError`, or `SQLiteError`.
    package func durably<Result>(_ body: () throws -> Result) throws -> Result {
        try connection.execute("PRAGMA synchronous = FULL")
        defer { try? connection.execute("PRAGMA synchronous = NORMAL") }
        return try transaction(body)
    }

    /// The size of the write-ahead log, in bytes; 0 when there is none.
    package var walBytes: Int64 {
        var facts = stat()
        return stat(file + "-wal", &facts) == 0 ? Int64(facts.st_size) : 0
    }

    /// The SQL that creates an empty state with all its views.
    package static var emptySchema: String { Schema.migrations.map(\.sql).joined() }
}
