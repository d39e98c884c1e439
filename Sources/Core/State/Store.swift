// The one writer of a state file.
//
// Invariants: exactly one connection, this one, ever writes or checkpoints (SQLite before 3.51.3 can lose a write when
// two connections reset the WAL at once); every flush is one transaction that holds counts, late and rejected rows,
// offsets, watermark and a generation one higher; every transaction that writes finds the state as this store left it
// (Store+Writer.swift); the file in between is always the whole truth.

package import Base
import Glibc
import SQLite
package import Windowing

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

/// The state file, opened for writing.
package final class Store: StateView {
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
    package internal(set) var generation: Generation = 0
    var pagesAtCheckpoint = 0
    /// The oldest waiting segment whose files are not all there, once somebody has noticed; nil when none is known.
    package var lostSegment: String?

    /// Locks and opens the state, creates it when it is missing, and brings it to the newest format.
    /// - Parameter holder: what a process that finds the state locked is told of this one.
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

    /// Opens a state for reading alone, at the generation it has now: no lock is taken, a service may go on beside. Whatever
    /// writes through it fails.
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

    /// Checks that the files of the state are still those that were opened.
    /// - Throws: `StoreError.filesLost`.
    package func checkFiles() throws {
        if let lost = held?.lost { throw StoreError.filesLost(path: path, lost: lost) }
    }

    private static func openConnection(_ file: String, _ path: String) throws -> Connection {
        try StoreError.explaining(path) {
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

    /// Records what the state belongs to, or checks it against what is recorded.
    /// - Parameter stateID: the random id a new state gets.
    /// The id is on the disk when this returns: tables and topics name it.
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
            // A restored state has the id of the one it replaces, and learns its cluster and topic only here.
            if try self.stateID() == nil { try setMeta(.stateID, to: stateID) }
        }
    }

    /// Checks the topic before Kafka has been reached.
    /// - Throws: `StoreError.otherTopic`, or `SQLiteError`.
    package func checkTopic(_ topic: String) throws {
        if let recorded = try meta(.topic), recorded != topic {
            throw StoreError.otherTopic(path: path, recorded: recorded, asked: topic)
        }
    }

    /// Runs `body` as one transaction that is on the disk when this returns, for facts that must survive a power cut
    /// before anything outside depends on them.
    /// - Throws: what `body` throws, or `SQLiteError`.
    package func durably<Result>(_ body: () throws -> Result) throws -> Result {
        try connection.execute("PRAGMA synchronous = FULL")
        defer { try? connection.execute("PRAGMA synchronous = NORMAL") }
        return try transaction(body)
    }

    /// The size of the write-ahead log, in bytes.
    package var walBytes: Int64 {
        var facts = stat()
        return stat(file + "-wal", &facts) == 0 ? Int64(facts.st_size) : 0
    }

    /// The SQL that makes an empty state with all its views.
    package static var emptySchema: String { Schema.migrations.map(\.sql).joined() }
}
