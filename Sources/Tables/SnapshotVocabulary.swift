// The snapshot vocabulary: the keys of this program in snapshot summaries and table properties, and the text of their
// values. Tables in use have these keys, so they never change.

package import Base
import Foundation
package import Iceberg
package import State

/// Keys in summaries and properties.
package enum Mark {
    /// The commit's id, in every snapshot of this program.
    package static let commitID = "pageviews.commit-id"
    /// The state's generation that the table has after the commit.
    package static let generation = "pageviews.generation"
    /// The offsets that the commit adds, by partition (`text(offsets:)`).
    package static let offsets = "pageviews.offsets"
    /// In the counts table's snapshots: the watermarks of the partitions (`text(watermarks:)`).
    package static let watermarks = "pageviews.watermarks"
    /// In the counts table's snapshots: the watermark, in milliseconds since the Unix epoch.
    package static let watermark = "pageviews.watermark"
    /// In the counts table's snapshots: the total number of late events in the counts.
    package static let backfilled = "pageviews.backfilled"
    /// In the counts table's snapshots: the length of windows, in milliseconds.
    package static let window = "pageviews.window-ms"
    /// In the counts table's snapshots: the watermark delay, in milliseconds.
    package static let watermarkDelay = "pageviews.watermark-delay-ms"
    /// In the counts table's snapshots: the id of the Kafka topic of the offsets, where the cluster gives one.
    package static let topicID = "pageviews.topic-id"
    /// In the counts table's snapshots: the first offset that the state has consumed of each partition
    /// (`text(firstOffsets:)`). The snapshots that added them may expire.
    package static let firstOffsets = "pageviews.first-offsets"
    /// A table property: the id of the state that exports to the table.
    package static let stateID = "pageviews.state-id"
    /// A table property: the number of this state's commits.
    package static let epoch = "pageviews.epoch"
    /// A table property: the ids of the last commits.
    static let lastCommits = "pageviews.last-commit-ids"

    /// The keys of a counts table's snapshot other than commit, generation and offsets.
    package static let ofCounts = [watermarks, watermark, backfilled, window, watermarkDelay, topicID, firstOffsets]

    /// The mark of a commit in its summary and in the table's properties.
    package static func commit(_ id: String) -> CommitMark {
        CommitMark(summaryKey: commitID, propertyKey: lastCommits, id: id)
    }

    /// `{"0":[10,20],"1":[5,9]}`, partitions ascending.
    package static func text(offsets: [PartitionID: OffsetSpan]) -> String {
        let parts = offsets.sorted { $0.key < $1.key }.map { "\"\($0.key)\":[\($0.value.from),\($0.value.to)]" }
        return "{\(parts.joined(separator: ","))}"
    }

    /// `{"0":0,"1":120}`, partitions ascending.
    package static func text(firstOffsets: [PartitionID: KafkaOffset]) -> String {
        text(numbers: firstOffsets.mapValues(\.rawValue))
    }

    /// `{"0":1611662684000}`, partitions ascending, milliseconds since the Unix epoch.
    package static func text(watermarks: [PartitionID: EventTime]) -> String {
        text(numbers: watermarks.mapValues(\.milliseconds))
    }

    private static func text(numbers: [PartitionID: Int64]) -> String {
        let parts = numbers.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
        return "{\(parts.joined(separator: ","))}"
    }
}

extension Snapshot {
    /// Whether this program made the snapshot.
    package var isOurs: Bool { summary[Mark.commitID] != nil }

    /// The number of rows in the table, as its writer says; nil where the summary has none. Any writer may give it
    /// (Iceberg specification, "Optional Snapshot Summary Fields").
    package var totalRecords: Int64? { number("total-records", Plausible.count) }

    /// The state's generation; nil where the summary has none.
    package var generation: Generation? { number(Mark.generation, Plausible.count).map(Generation.init(clamping:)) }

    /// The watermark; nil where the summary has none.
    package var watermark: EventTime? {
        number(Mark.watermark, Plausible.milliseconds).map(EventTime.init(milliseconds:))
    }

    /// The watermark delay, in milliseconds; nil where the summary has none.
    package var watermarkDelay: Int64? { number(Mark.watermarkDelay, Plausible.milliseconds) }

    /// The number of late events in the counts; nil where the summary has none.
    package var backfilled: Int64? { number(Mark.backfilled, Plausible.count) }

    /// A number of the summary; nil where it has none, or an impossible one.
    private func number(_ key: String, _ range: ClosedRange<Int64>) -> Int64? {
        summary[key].flatMap { Int64($0) }.flatMap { range.contains($0) ? $0 : nil }
    }

    /// The first value of the summary that this program cannot have written, as `key=value`; nil when all are possible.
    /// The properties above are nil for such a value.
    package var impossibleMark: String? {
        guard isOurs else { return nil }
        let isPossible: [(key: String, isPossible: Bool)] = [
            (Mark.generation, generation != nil), (Mark.watermark, watermark != nil),
            (Mark.watermarkDelay, watermarkDelay != nil), (Mark.backfilled, backfilled != nil),
            (Mark.offsets, addedOffsets != nil), (Mark.watermarks, watermarksByPartition != nil),
            (Mark.firstOffsets, firstOffsets != nil),
        ]
        return isPossible.first { !$0.isPossible && summary[$0.key] != nil }.map {
            "\($0.key)=\((summary[$0.key] ?? "").prefix(100))".onOneLine
        }
    }

    /// The offsets that the commit added, by partition; nil where the summary has none, or they are not plausible.
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

    /// The watermarks by partition; partitions without events have none.
    package var partitionWatermarks: [PartitionID: EventTime] { watermarksByPartition ?? [:] }

    /// nil where the summary has none, or an impossible one.
    private var watermarksByPartition: [PartitionID: EventTime]? {
        numbers(Mark.watermarks, Plausible.milliseconds)?.mapValues(EventTime.init(milliseconds:))
    }

    /// The first offset that the state has consumed of each partition; nil where the summary has none, or an impossible
    /// one.
    package var firstOffsets: [PartitionID: KafkaOffset]? {
        numbers(Mark.firstOffsets, Plausible.count)?.mapValues(KafkaOffset.init(rawValue:))
    }

    /// One number for each partition.
    private func numbers(_ key: String, _ range: ClosedRange<Int64>) -> [PartitionID: Int64]? {
        guard let text = summary[key],
            let values = try? JSONDecoder().decode([String: Int64].self, from: Data(text.utf8))
        else { return nil }
        var numbers: [PartitionID: Int64] = [:]
        for (key, value) in values {
            guard let partition = PartitionID(key), partition >= 0, range.contains(value) else { return nil }
            numbers[partition] = value
        }
        return numbers
    }
}

extension [Snapshot] {
    /// The ends (exclusive) of the offsets in a history, newest first, by partition.
    package var ends: [PartitionID: KafkaOffset] {
        var ends: [PartitionID: KafkaOffset] = [:]
        for snapshot in self {
            for (partition, span) in snapshot.addedOffsets ?? [:] where ends[partition] == nil {
                ends[partition] = span.to
            }
        }
        return ends
    }

    /// The first offsets that the state has consumed, by partition, as far as this program's newest snapshot says.
    package var recordedStarts: [PartitionID: KafkaOffset] { first(where: \.isOurs)?.firstOffsets ?? [:] }

    /// The first offsets in the listed part of a history, by partition.
    package var starts: [PartitionID: KafkaOffset] {
        var starts: [PartitionID: KafkaOffset] = [:]
        for snapshot in self {
            for (partition, span) in snapshot.addedOffsets ?? [:] {
                starts[partition] = Swift.min(starts[partition] ?? span.from, span.from)
            }
        }
        return starts
    }

    /// The newest snapshot of a counts table whose offsets another source covers, and their ends (exclusive); nil when there
    /// is none. A snapshot is passed over if a later one counts some of its offsets again: that was after a restore, and
    /// Kafka may no longer have had the same events.
    package func newestCounted(
        where isCovered: ([PartitionID: KafkaOffset]) throws -> Bool
    ) rethrows -> (snapshot: Snapshot, ends: [PartitionID: KafkaOffset])? {
        var countedAgain: [PartitionID: KafkaOffset] = [:]
        for (index, snapshot) in enumerated() {
            guard let added = snapshot.addedOffsets else { continue }
            let ends = Array(self[index...]).ends
            if ends.allSatisfy({ $0.value <= countedAgain[$0.key] ?? .last }), try isCovered(ends) {
                return (snapshot, ends)
            }
            countedAgain.merge(added.mapValues(\.from)) { Swift.min($0, $1) }
        }
        return nil
    }

    /// The number of late events in the counts, from this program's newest snapshot; nil where that has none.
    package var backfilled: Int64? { first(where: \.isOurs)?.backfilled }

    /// The first value of a summary that this program cannot have written, with its snapshot; nil when there is none.
    package var impossibleMark: String? {
        lazy.compactMap { snapshot in
            snapshot.impossibleMark.map { "snapshot \(snapshot.id) has \($0), which is impossible" }
        }.first
    }

    /// Whether the history, newest first, still has its first commit.
    package var isWhole: Bool { last.map { $0.parentID == nil } ?? true }
}
