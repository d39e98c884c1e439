// Facts about the state as a whole, one row each: what it belongs to, how it was made, and where its tables stand.

import SQLite

/// The names under which facts stand in the table `meta`.
package enum MetaKey: Hashable, Sendable {
    /// The random id of the state, which its tables carry too.
    case stateID
    /// The Kafka topic's name.
    case topic
    /// The id of the topic whose offsets the state has, where the cluster gives one: not its name.
    case topicID
    /// The cluster id that Kafka's metadata gives.
    case clusterID
    /// The length of windows, in milliseconds.
    case windowMilliseconds
    /// How far watermarks stay behind, in milliseconds.
    case watermarkDelayMilliseconds
    /// Whether events without a user are counted, and how many there were.
    case eventsWithoutUser
    /// Windows that start before this (seconds since the Unix epoch) have left the state.
    case evictedBefore
    /// The sum of the counts that have left the state.
    case evictedEvents
    /// The number of late events that were added to counts.
    case backfilledEvents
    /// A table's writer epoch after the last settled commit.
    case epoch(ExportTable)
    /// The id of a table's last settled commit.
    case commit(ExportTable)
    /// The snapshot of a table's last settled commit.
    case snapshot(ExportTable)
    /// The rows of a table after its last settled commit.
    case rows(ExportTable)
    /// Another writer committed to a table.
    case foreignCommits(ExportTable)
    /// The offsets from which another publisher may have published.
    case restoredOutbox(OutboxName)

    /// As the file has it.
    var text: String {
        switch self {
        case .stateID: "state_id"
        case .topic: "topic"
        case .topicID: "topic_id"
        case .clusterID: "cluster_id"
        case .windowMilliseconds: "window_ms"
        case .watermarkDelayMilliseconds: "watermark_delay_ms"
        case .eventsWithoutUser: "events_without_user"
        case .evictedBefore: "evicted_before_s"
        case .evictedEvents: "evicted_events"
        case .backfilledEvents: "backfilled_events"
        case .epoch(let table): "epoch.\(table.rawValue)"
        case .commit(let table): "commit.\(table.rawValue)"
        case .snapshot(let table): "snapshot.\(table.rawValue)"
        case .rows(let table): "rows.\(table.rawValue)"
        case .foreignCommits(let table): "foreign.\(table.rawValue)"
        case .restoredOutbox(let name): "restored.\(name.rawValue)"
        }
    }
}

extension StateView {
    /// A fact about the state; nil when it is not recorded.
    /// - Throws: `SQLiteError`.
    package func meta(_ key: MetaKey) throws -> String? {
        try connection.first("SELECT value FROM meta WHERE key = ?1", key.text) { $0.string(0) }
    }

    /// A fact that is a number; nil when it is not recorded.
    /// - Throws: `SQLiteError`.
    package func number(_ key: MetaKey) throws -> Int64? { try meta(key).flatMap { Int64($0) } }

    /// The random id of the state; nil before the first run has reached Kafka.
    /// - Throws: `SQLiteError`.
    package func stateID() throws -> String? { try meta(.stateID) }

    /// The length of windows in milliseconds.
    /// - Throws: `SQLiteError`.
    package func windowMilliseconds() throws -> Int64 { try number(.windowMilliseconds) ?? 60_000 }
}

extension Store {
    /// Records a fact about the state.
    /// - Throws: `SQLiteError`.
    package func setMeta(_ key: MetaKey, to value: String) throws {
        try transaction { try connection.run("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", key.text, value) }
    }

    /// Forgets a fact about the state.
    /// - Throws: `SQLiteError`.
    func forgetMeta(_ key: MetaKey) throws {
        try transaction { try connection.run("DELETE FROM meta WHERE key = ?1", key.text) }
    }
}
