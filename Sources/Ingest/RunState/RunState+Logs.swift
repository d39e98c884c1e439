// Settles partitions whose log may not be the one that was read: asks for their offsets, then continues, skips a range,
// or ends the run.
//
// One action, `forgetLog`, accepts the new log and records the skipped range, so both are in the same flush.

import Base
import Kafka
import Log
import State

/// A log that may not be the one that was read.
enum UnsettledLog: Equatable {
    /// Its offsets are asked for again. The change is nil when it is not known.
    case suspect(LogChange?)
    /// It is not read until its end reaches the state's next offset: the state never uses an offset twice.
    case waiting

    /// Its topic was created again.
    var isReplaced: Bool { if case .suspect(.recreated) = self { true } else { false } }
}

extension RunState {
    /// Partitions that are not read.
    var waiting: Set<PartitionID> { Set(unsettled.filter { $0.value == .waiting }.keys) }

    /// Asks for a partition's offsets again, at once.
    mutating func suspect(_ partition: PartitionID, _ change: LogChange?) {
        switch unsettled[partition] {
        case .waiting:
            // Created again while it grew: the newest log is skipped up to the state's offset, too. The partition is
            // not fetched, so any other change is outdated.
            guard case .recreated = change else { return }
            unsettled[partition] = .suspect(change)
        case .suspect(.recreated(let old, let new)):
            // Another topic says more than a cut: the cut is in a log that was not read at all.
            var newest = new
            if case .recreated(_, let id) = change { newest = id }
            unsettled[partition] = .suspect(.recreated(old: old, new: newest))
        case .suspect(let before): unsettled[partition] = .suspect(change ?? before)
        case nil: unsettled[partition] = .suspect(change)
        }
        askAgain(in: 0)
    }

    /// Follows the decision.
    /// - Throws: `TopicRefusal.ended` when the settings do not allow to skip.
    mutating func follow(
        _ decision: StartPosition, _ partition: PartitionID, _ range: OffsetRange, _ next: NextOffsets
    ) throws(TopicRefusal) {
        switch decision {
        case .read: break
        case .lost(let from, let to):
            guard settings.skipsMissingOffsets else {
                throw .ended(.missingOffsets(topic: settings.topic, partition: partition, from: from, to: to))
            }
            // The raw half may be the only one that needs the first of them.
            let border = min(max(from, next.counted), to)
            lose(partition, from..<border, "counted, but not in the raw table")
            lose(partition, border..<to, "not counted")
        case .beyondEnd(_, let end): try giveUp(partition, .shorter(end: end), range, next.counted)
        }
    }

    private mutating func lose(_ partition: PartitionID, _ offsets: Range<KafkaOffset>, _ what: String) {
        guard !offsets.isEmpty else { return }
        let incident = Incident.missingOffsets(
            of: "topic \(settings.topic)", LostOffsets(partition: partition, offsets: offsets),
            "were no longer in Kafka and are \(what)")
        log(.error, incident.detail, .place(partition: partition, offset: offsets.lowerBound, end: offsets.upperBound))
        actions.append(.counting(.skip(partition, to: offsets.upperBound, incident)))
    }

    mutating func settleLogs(
        _ found: TopicWatch.Findings, _ next: [PartitionID: NextOffsets]
    ) throws(TopicRefusal) {
        for (partition, log) in unsettled.sorted(by: { $0.key < $1.key }) {
            if let range = found.ranges[partition] {
                try settle(partition, log, range, next[partition])
                continue
            }
            if let failure = found.failures[partition] {
                complain(
                    "topic \(settings.topic) partition \(partition): \(failure.message); trying again",
                    partition: partition)
            }
            askAgain(in: 1000)
        }
    }

    private mutating func settle(
        _ partition: PartitionID, _ log: UnsettledLog, _ range: OffsetRange, _ next: NextOffsets?
    ) throws(TopicRefusal) {
        // No next offset: the partition was added with this answer.
        guard let next else { return }
        switch log {
        case .waiting: guard range.high >= next.counted else { return }
        case .suspect(let change?): try giveUp(partition, change, range, next.counted)
        case .suspect(nil):
            // The last record itself may be gone.
            actions.append(.counting(.passCheck(partition)))
            try follow(
                StartPosition.decide(next: next.wanted, range: range), partition, range, next)
        }
        if case .suspect = log, unsettled[partition] == .waiting { return }
        unsettled[partition] = nil
        assignment = .outdated
    }

    /// Gives up a log that is not the one that was read: ends the run, or skips the offsets below the state's next one.
    /// - Parameter next: the next offset of the counts.
    mutating func giveUp(
        _ partition: PartitionID, _ change: LogChange, _ range: OffsetRange, _ next: KafkaOffset
    ) throws(TopicRefusal) {
        let end = usedEnd(partition, next)
        let first = change.firstUnread(low: range.low)
        let unread = UnreadRange(
            topic: settings.topic, partition: partition, change: change,
            from: end > next ? min(first, max(next, range.low)) : first, to: end, recounted: end > next ? next : nil)
        guard unread.from < unread.to else { return accept(partition, nil) }
        guard settings.skipsMissingOffsets else {
            if case .shorter(let high) = change, unread.recounted == nil {
                throw .ended(.topicShorter(topic: settings.topic, partition: partition, next: next, end: high))
            }
            throw .ended(.otherLog(unread))
        }
        log(.error, unread.incident.detail, .place(partition: partition, offset: unread.from, end: unread.to))
        // The earlier log's raw events in the open segment can no longer be read.
        if phase == .reading, case .writing = raw { actions.append(.segment(.close)) }
        accept(partition, unread)
        if range.high < end { wait(partition, for: end) }
    }

    /// The end (exclusive) of the offsets that are in use: by the state, or by the counts table that it was restored from.
    func usedEnd(_ partition: PartitionID, _ next: KafkaOffset) -> KafkaOffset {
        max(next, topic.countedEnds[partition] ?? next)
    }

    private mutating func accept(_ partition: PartitionID, _ unread: UnreadRange?) {
        replaced[partition] = nil
        actions.append(.counting(.forgetLog(partition, unread)))
    }

    /// Does not read a partition until its log has the offset `next`.
    mutating func wait(_ partition: PartitionID, for next: KafkaOffset) {
        unsettled[partition] = .waiting
        actions.append(.counting(.reachEnd(of: partition, next)))
        assignment = .outdated
    }
}
