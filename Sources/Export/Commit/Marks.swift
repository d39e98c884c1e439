// The names under which a commit's facts stand in snapshot summaries and table properties.

import Foundation
import Iceberg
import Store

/// Keys in summaries and properties.
enum Mark {
    static let commitID = "pageviews.commit-id"
    static let generation = "pageviews.generation"
    static let offsets = "pageviews.offsets"
    static let watermarks = "pageviews.watermarks"
    static let watermark = "pageviews.watermark"
    /// In the counts table's snapshots: late events that are in the counts, in all.
    static let backfilled = "pageviews.backfilled"
    /// In the counts table's snapshots: the length of windows and how far watermarks stay behind, in milliseconds.
    static let window = "pageviews.window-ms"
    static let watermarkDelay = "pageviews.watermark-delay-ms"
    /// In the counts table's snapshots: the id of the Kafka topic whose offsets these are, where the cluster gives one.
    static let topicID = "pageviews.topic-id"
    static let stateID = "pageviews.state-id"
    static let epoch = "pageviews.epoch"
    static let lastCommits = "pageviews.last-commit-ids"

    /// What a snapshot of the counts table says besides its commit, generation and offsets.
    static let ofCounts = [watermarks, watermark, backfilled, window, watermarkDelay, topicID]

    static func commit(_ id: String) -> CommitMark {
        CommitMark(summaryKey: commitID, propertyKey: lastCommits, id: id)
    }

    /// `{"0":[10,20],"1":[5,9]}`, partitions ascending.
    static func text(offsets: [Int32: OffsetSpan]) -> String {
        let parts = offsets.sorted { $0.key < $1.key }.map { "\"\($0.key)\":[\($0.value.from),\($0.value.to)]" }
        return "{\(parts.joined(separator: ","))}"
    }

    /// `{"0":1611662684000}`, partitions ascending.
    static func text(watermarks: [Int32: Int64]) -> String {
        let parts = watermarks.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
        return "{\(parts.joined(separator: ","))}"
    }
}
