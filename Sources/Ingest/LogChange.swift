// The ways in which a partition's log can differ from the one that the state has read, and the offsets that are then
// skipped.

package import Base
import State

/// Why a partition's log is not the one that the state has read.
package enum LogChange: Equatable, Sendable {
    /// The topic was deleted and created again: its id changed.
    case recreated(old: String, new: String)
    /// The log was truncated at this offset and continued from there; nil when the offset is not known.
    case cut(at: KafkaOffset?)
    /// The record at this offset is not the one that was read there.
    case otherRecord(at: KafkaOffset)
    /// The log ends below the state's next offset, for an unknown reason.
    case shorter(end: KafkaOffset)

    /// What happened, in words.
    var words: String {
        switch self {
        case .recreated(let old, let new):
            "the topic was deleted and created again since this state read it (its id was \(old) and is \(new))"
        case .cut(let end?):
            "the log was truncated at offset \(end), as after an unclean leader election, and continues from there"
        case .cut(nil): "the log was truncated, as after an unclean leader election, and continues from there"
        case .otherRecord(let offset): "the record at offset \(offset) is not the one that this state has read there"
        case .shorter(let end): "the log ends at offset \(end), so the topic was re-created or truncated"
        }
    }

    /// The first offset of the new log whose record was not read although it is below the state's next offset.
    /// - Parameter low: the first offset of the new log.
    func firstUnread(low: KafkaOffset) -> KafkaOffset {
        switch self {
        case .cut(let end?), .shorter(let end): max(low, end)
        case .recreated, .cut(nil), .otherRecord: low
        }
    }

    /// Whether the first unread offset is exact and not only a lower bound.
    var isExact: Bool {
        switch self {
        case .recreated, .cut(.some): true
        case .cut(nil), .otherRecord, .shorter: false
        }
    }
}

/// A range of a log that is not read, because the state has read another log up to the range's end.
package struct UnreadRange: Equatable, Sendable {
    /// The topic.
    package let topic: String
    /// The partition.
    package let partition: PartitionID
    /// What happened to the log.
    package let change: LogChange
    /// The first offset (inclusive) that was not read.
    package let from: KafkaOffset
    /// The end (exclusive).
    package let to: KafkaOffset
    /// Where a restored state would have counted the counts table's events again; nil for a state that has counted all.
    var recounted: KafkaOffset?

    /// The incident that records the range as skipped.
    var incident: Incident {
        let bound = change.isExact ? "" : ", at most,"
        var incident = Incident(
            kind: Incident.logReplaced,
            detail: "topic \(topic) partition \(partition): \(change.words); offsets \(from) to \(to.previous) "
                + "(\(from.distance(to: to)) in all)\(bound) of the present log are skipped and not counted"
                + (recounted.map { lost(from: $0) } ?? ""))
        incident.lost = LostOffsets(partition: partition, offsets: from..<to)
        return incident
    }

    private func lost(from first: KafkaOffset) -> String {
        "; the lost state had counted offsets \(first) to \(to.previous) of the earlier log, which no longer exist, so "
            + "the next export lowers their counts to those of the raw table"
    }

    /// The error text of a service that ends instead.
    var refusal: String {
        "topic \(topic) partition \(partition): \(change.words); offsets \(from) to \(to.previous) of the present "
            + "log were not read. Start a new --state for it, or give --on-missing-offsets skip to record them as "
            + "skipped and continue from \(to)"
    }
}
