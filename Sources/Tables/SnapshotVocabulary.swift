// The snapshot vocabulary: the names under which a commit's facts stand in snapshot summaries and table properties, and how
// they are written and read.

package import Base
import Foundation
package import Iceberg
package import State

/// Keys in summaries and properties.
package enum Mark {
    package static let commitID = "pageviews.commit-id"
    package static let generation = "pageviews.generation"
    package static let offsets = "pageviews.offsets"
    package static let watermarks = "pageviews.watermarks"
    package static let watermark = "pageviews.watermark"
    /// In the counts table's snapshots: late events that are in the counts, in all.
    package static let backfilled = "pageviews.backfilled"
    /// In the counts table's snapshots: the length of windows and how far watermarks stay behind, in milliseconds.
    package static let window = "pageviews.window-ms"
    package static let watermarkDelay = "pageviews.watermark-delay-ms"
    /// In the counts table's snapshots: the id of the Kafka topic whose offsets these are, where the cluster gives one.
    package static let topicID = "pageviews.topic-id"
    package static let stateID = "pageviews.state-id"
    package static let epoch = "pageviews.epoch"
    static let lastCommits = "pageviews.last-commit-ids"

    /// What a snapshot of the counts table says besides its commit, generation and offsets.
    package static let ofCounts = [watermarks, watermark, backfilled, window, watermarkDelay, topicID]

    package static func commit(_ id: String) -> CommitMark {
        CommitMark(summaryKey: commitID, propertyKey: lastCommits, id: id)
    }

    /// `{"0":[10,20],"1":[5,9]}`, partitions ascending.
    package static func text(offsets: [PartitionID: OffsetSpan]) -> String {
        let parts = offsets.sorted { $0.key < $1.key }.map { "\"\($0.key)\":[\($0.value.from),\($0.value.to)]" }
        return "{\(parts.joined(separator: ","))}"
    }

    /// `{"0":1611662684000}`, partitions ascending, milliseconds since the Unix epoch.
    package static func text(watermarks: [PartitionID: EventTime]) -> String {
        let parts = watermarks.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value.milliseconds)" }
        return "{\(parts.joined(separator: ","))}"
    }
}

extension Snapshot {
    /// This program made it.
    package var isOurs: Bool { summary[Mark.commitID] != nil }

    /// The state's generation that it holds.
    package var generation: Generation? {
        summary[Mark.generation].flatMap { Int64($0) }.map(Generation.init(clamping:))
    }

    /// The watermark that it holds; nil where it does not say.
    package var watermark: EventTime? {
        summary[Mark.watermark].flatMap { Int64($0) }.map(EventTime.init(milliseconds:))
    }

    /// The offsets that its commit added, by partition.
    package var addedOffsets: [PartitionID: OffsetSpan]? {
        guard let text = summary[Mark.offsets],
            let spans = try? JSONDecoder().decode([String: [Int64]].self, from: Data(text.utf8))
        else { return nil }
        var offsets: [PartitionID: OffsetSpan] = [:]
        for (key, span) in spans {
            guard let partition = PartitionID(key), partition >= 0, span.count == 2,
                span.allSatisfy(Plausible.count.contains)
            else { return nil }
            offsets[partition] = OffsetSpan(
                from: KafkaOffset(rawValue: span[0]), to: KafkaOffset(rawValue: span[1]))
        }
        return offsets
    }

    /// The watermarks by partition; none where nothing was read yet.
    package var partitionWatermarks: [PartitionID: EventTime] {
        guard let text = summary[Mark.watermarks],
            let values = try? JSONDecoder().decode([String: Int64].self, from: Data(text.utf8))
        else { return [:] }
        return Dictionary(
            values.compactMap { key, value in PartitionID(key).map { ($0, EventTime(milliseconds: value)) } }
        ) { first, _ in first }
    }
}

extension [Snapshot] {
    /// How far a history (newest first) has come, by partition.
    package var ends: [PartitionID: KafkaOffset] {
        var ends: [PartitionID: KafkaOffset] = [:]
        for snapshot in self {
            for (partition, span) in snapshot.addedOffsets ?? [:] where ends[partition] == nil {
                ends[partition] = span.to
            }
        }
        return ends
    }

    /// Where a history begins, by partition, as far as it is still there.
    package var starts: [PartitionID: KafkaOffset] {
        var starts: [PartitionID: KafkaOffset] = [:]
        for snapshot in self {
            for (partition, span) in snapshot.addedOffsets ?? [:] {
                starts[partition] = Swift.min(starts[partition] ?? span.from, span.from)
            }
        }
        return starts
    }

    /// How many late events the counts have, as our newest snapshot says; nil where it does not.
    package var backfilled: Int64? { first(where: \.isOurs)?.summary[Mark.backfilled].flatMap { Int64($0) } }

    /// Its first commit is still there.
    package var isWhole: Bool { last.map { $0.parentID == nil } ?? true }
}
