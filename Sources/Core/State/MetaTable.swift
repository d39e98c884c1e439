// The table `meta`: values about the state as a whole, one row each. They are its identity, its settings, and the
// positions of its tables.

package import Base
import SQLite

/// The keys of the table `meta`.
package enum MetaKey: Hashable, Sendable {
    /// The random id of the state, which its tables also have.
    case stateID
    /// The Kafka topic's name.
    case topic
    /// The id, not the name, of the topic whose offsets the state has, where the cluster gives one.
    case topicID
    /// The partitions whose log is not the one that was read: `UnsettledLogs.text`.
    case unsettledLogs
    /// Of a restored state: where the counts table's offsets end, for the partitions whose end is beyond the raw table.
    case countedEnds
    /// The cluster id from Kafka's metadata.
    case clusterID
    /// The length of windows, in milliseconds.
    case windowMilliseconds
    /// The watermark delay, in milliseconds.
    case watermarkDelayMilliseconds
    /// Whether events without a user are counted, and their number.
    case eventsWithoutUser
    /// Windows that start before this, in seconds since the Unix epoch, were evicted.
    case evictedBefore
    /// The sum of the evicted counts.
    case evictedEvents
    /// The number of late events that were added to counts.
    case backfilledEvents
    /// A table's writer epoch after the last settled commit.
    case epoch(ExportTable)
    /// The id of a table's last settled commit.
    case commit(ExportTable)
    /// The snapshot of a table's last settled commit.
    case snapshot(ExportTable)
    /// The number of rows in a table after its last settled commit.
    case rows(ExportTable)
    /// Another writer committed to a table.
    case foreignCommits(ExportTable)
    /// The offsets from which another state's publisher may have published.
    case restoredOutbox(OutboxName)

    /// The key in the file.
    var text: String {
        switch self {
        case .stateID: "state_id"
        case .topic: "topic"
        case .topicID: "topic_id"
        case .unsettledLogs: "unsettled_logs"
        case .countedEnds: "counted_ends"
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
    /// The value of a key; nil when there is none.
    /// - Throws: `SQLiteError`.
    package func meta(_ key: MetaKey) throws -> String? {
        try connection.first("SELECT value FROM meta WHERE key = ?1", key.text) { $0.string(0) }
    }

    /// The value of a key as a number; nil when there is none or it is not a number of 64 bits.
    /// - Throws: `SQLiteError`.
    package func number(_ key: MetaKey) throws -> Int64? { try meta(key).flatMap { Int64($0) } }

    /// The id of the topic that all offsets of the state belong to; nil when it is not known. While a new topic's partitions
    /// are not settled it is the earlier one's.
    /// - Throws: `SQLiteError`.
    package func settledTopicID() throws -> String? {
        try UnsettledLogs(text: try meta(.unsettledLogs)).earlierID ?? meta(.topicID)
    }

    /// Of a restored state: the ends (exclusive) of the offsets that the counts table counts, for the partitions whose end
    /// is beyond the raw table.
    /// - Throws: `SQLiteError`, `DecodingError`.
    package func countedEnds() throws -> [PartitionID: KafkaOffset] {
        try meta(.countedEnds).map { try JSONText.offsets($0) } ?? [:]
    }

    /// The random id of the state; nil before the first run has reached Kafka.
    /// - Throws: `SQLiteError`.
    package func stateID() throws -> String? { try meta(.stateID) }

    /// The length of windows, in milliseconds; 60,000 when it is not recorded.
    /// - Throws: `SQLiteError`.
    package func windowMilliseconds() throws -> Int64 { try number(.windowMilliseconds) ?? 60_000 }
}

extension Store {
    /// Records where the offsets of a restored state's counts table end.
    /// - Throws: `SQLiteError`.
    package func noteCountedEnds(_ ends: [PartitionID: KafkaOffset]) throws {
        try setMeta(.countedEnds, to: try JSONText.encode(ends))
    }

    /// Sets the value of a key.
    /// - Throws: `SQLiteError`.
    package func setMeta(_ key: MetaKey, to value: String) throws {
        try transaction { try connection.run("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", key.text, value) }
    }

    /// Removes a key.
    /// - Throws: `SQLiteError`.
    func forgetMeta(_ key: MetaKey) throws {
        try transaction { try connection.run("DELETE FROM meta WHERE key = ?1", key.text) }
    }
}
