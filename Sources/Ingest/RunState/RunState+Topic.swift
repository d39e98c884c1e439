// Processes the cluster's answers about the topic and decides which partitions are read.
//
// Invariant: a partition is added once. Records of another topic under the same name are blocked until the setting
// `--on-missing-offsets` has decided about them.

import Base
import Kafka
import Log
import State

/// Why an answer about the topic is not processed to its end.
enum TopicRefusal: Error {
    /// The answer is incomplete: the topic is asked for again.
    case unanswered(KafkaError)
    /// The run ends.
    case ended(IngestError)
}

extension RunState {
    var missingTopic: String {
        "topic \(settings.topic) does not exist at \(settings.bootstrapServers); waiting for it "
            + "(create it, or correct --topic)"
    }

    /// The next question about the topic.
    var question: TopicWatch.Question {
        TopicWatch.Question(
            assigned: Set(assigned), suspects: Set(unsettled.keys).union(lost.starts.keys), wanted: settings.partitions)
    }

    mutating func decide(_ event: TopicEvent) {
        switch event {
        case .found(let found, let next):
            do throws(TopicRefusal) {
                try take(found, next)
                answered()
            } catch {
                switch error {
                case .unanswered(let error): failed(error)
                case .ended(let error): fail(error)
                }
            }
        case .failed(let error): failed(error)
        case .failureExplained(let error): retryResolving(error)
        case .otherRecord(let partition, let offset): suspect(partition, .otherRecord(at: offset))
        }
    }

    private mutating func answered() {
        if case .resolving = phase {
            phase = .reading
            due.lastFlush = now.monotonic
        } else {
            cause.forget()
        }
    }

    private mutating func failed(_ error: KafkaError) {
        if case .resolving = phase { return actions.append(.kafka(.explain(error))) }
        due.discovery = now.monotonic + settings.discoveryInterval(afterFault: true)
        report(.kafkaFailed(cause.words(for: error, now: now.wall)))
        log(.debug, "looking for partitions: \(error)")
    }

    private mutating func retryResolving(_ error: KafkaError) {
        guard case .resolving(let since, var retry) = phase else { return }
        let milliseconds = retry.next()
        phase = .resolving(since: since, retry: retry)
        let reason = cause.words(for: error, now: now.wall)
        report(.kafkaFailed(error.isUnknownTopic ? "the topic does not exist" : reason))
        if settings.givesUp(since: since, now: now.monotonic) {
            return fail(settings.unreachable(error.isUnknownTopic ? missingTopic : reason))
        }
        complain(error.isUnknownTopic ? missingTopic : "topic \(settings.topic): \(reason); trying again")
        actions.append(.wait(milliseconds: milliseconds))
    }

    // MARK: Answers

    /// Processes an answer: adds new partitions and settles changed logs.
    private mutating func take(
        _ found: TopicWatch.Findings, _ next: [PartitionID: NextOffsets]
    ) throws(TopicRefusal) {
        let count = found.partitions.count
        let hasMissing = reportMissing(found.partitions)
        due.discovery = now.monotonic + settings.discoveryInterval(afterFault: hasMissing)
        if let wrong = settings.partitions?.filter({ $0.rawValue >= count }).min(), assigned.isEmpty {
            throw .ended(.noSuchPartition(topic: settings.topic, partition: wrong, count: count))
        }
        // Before partitions are added: no record of another topic is taken.
        identify(found.topicID)
        compareLeaders(found.partitions.leaders)
        try addNew(found)
        try settleLogs(found, next)
        // In the same flush as the incidents, and as the topic's id.
        recordUnsettled()
        if let name = lost.segment?.name {
            // The flush stores closed segments, so that they are dropped too, and late events, because the late log
            // tells which re-read events were late.
            actions += [.state(.flushNews), .segment(.measureReread(from: name, ranges: found.ranges))]
        }
        if assignment == .outdated { askAgain(in: 1000) }
    }

    /// Compares the topic's id with the recorded one. If it differs, every partition's log was replaced.
    private mutating func identify(_ found: String?) {
        guard let found, found != topic.id else { return }
        let old = topic.id
        topic.id = found
        actions.append(.counting(.recordTopicID(found)))
        guard let old else { return }
        for partition in known.map(\.partition) + assigned where replaced[partition] == nil {
            replaced[partition] = old
        }
        for partition in assigned {
            actions.append(.counting(.block(partition)))
            suspect(partition, .recreated(old: old, new: found))
        }
    }

    /// Records the partitions that are not settled, if they are not those of the last record.
    private mutating func recordUnsettled() {
        assert(
            assigned.allSatisfy { replaced[$0] == nil || unsettled[$0]?.isReplaced == true },
            "a replaced log that is assigned is asked about")
        var logs = UnsettledLogs()
        (logs.replaced, logs.waiting) = (replaced, waiting.union(topic.unsettled.waiting.subtracting(assigned)))
        if logs.replaced.isEmpty, logs.waiting.isEmpty { settledID = topic.id } else { logs.earlierID = settledID }
        guard logs != topic.unsettled else { return }
        topic.unsettled = logs
        actions.append(.counting(.recordUnsettled(logs)))
    }

    /// Checks the last record of each partition whose leader has changed.
    private mutating func compareLeaders(_ found: [PartitionID: Int32]) {
        for (partition, leader) in found.sorted(by: { $0.key < $1.key }) where leader >= 0 {
            if let last = leaders[partition], last != leader, assigned.contains(partition) {
                log(.debug, "partition \(partition): broker \(leader) leads it instead of \(last)")
                actions.append(.counting(.checkAgain(partition)))
                assignment = .outdated
            }
            leaders[partition] = leader
        }
    }

    /// Reports the partitions that the cluster does not serve, to the board and the log.
    /// - Returns: whether there are any.
    private mutating func reportMissing(_ found: TopicPartitions) -> Bool {
        var missing = found.faults.mapValues(\.message)
        for partition in assigned where partition.rawValue >= found.count {
            missing[partition] = "the topic no longer has it"
        }
        report(.discovered(missing: missing))
        var hasMissing = false
        for partition in assigned {
            guard let reason = missing[partition] else { continue }
            hasMissing = true
            complain("topic \(settings.topic) partition \(partition): \(reason); trying again", partition: partition)
        }
        return hasMissing
    }

    // MARK: Adding partitions

    private mutating func addNew(_ found: TopicWatch.Findings) throws(TopicRefusal) {
        let wanted = PartitionID.all(count: found.partitions.count).filter { settings.partitions?.contains($0) ?? true }
        let new = wanted.filter { !assigned.contains($0) }
        guard !new.isEmpty else { return }
        if assigned.isEmpty {
            // All partitions start together, because a missing one would not hold the watermark. A partition that the
            // state knows needs no answer: the broker refuses an offset that it does not have.
            for partition in new where found.ranges[partition] == nil && !isKnown(partition) {
                if let failure = found.failures[partition] { throw .unanswered(failure) }
            }
        }
        for partition in new {
            if let range = found.ranges[partition] {
                try add(partition, range)
            } else if assigned.isEmpty || isKnown(partition), isOfRecordedTopic(partition) {
                addUnasked(partition)
            }
        }
        assignment = .outdated
        log(
            .info, "reading topic \(settings.topic), partitions \(assigned.map(\.description).joined(separator: ", "))",
            .wantedOffsets)
    }

    /// Whether the state has the offsets at which to continue the partition.
    private func isKnown(_ partition: PartitionID) -> Bool {
        known.contains { $0.partition == partition } && (!raw.isOn || rawOffsets[partition] != nil)
    }

    /// Whether nothing says that a known partition's log may be another one than the state's next offset belongs to.
    private func isOfRecordedTopic(_ partition: PartitionID) -> Bool {
        guard let next = known.first(where: { $0.partition == partition })?.nextOffset else { return true }
        return replaced[partition] == nil && usedEnd(partition, next) == next
    }

    private mutating func addUnasked(_ partition: PartitionID) {
        guard let earlier = known.first(where: { $0.partition == partition }) else { return }
        actions.append(.counting(.add(earlier, isNew: false, rawNext: rawOffsets[partition])))
        assign(partition)
    }

    private mutating func assign(_ partition: PartitionID) {
        precondition(!assigned.contains(partition), "a partition is added once")
        assigned.append(partition)
    }

    private mutating func add(_ partition: PartitionID, _ range: OffsetRange) throws(TopicRefusal) {
        let earlier = known.first { $0.partition == partition }
        // A new raw half starts where the counts did, or at Kafka's first offset if that is higher.
        let rawNext = rawOffsets[partition] ?? max(range.low, earlier?.firstOffset ?? range.low)
        let next = earlier.map { raw.isOn ? min($0.nextOffset, rawNext) : $0.nextOffset }
        let start = earlier ?? PartitionProgress(partition: partition, nextOffset: range.low)
        let offsets = NextOffsets(counted: start.nextOffset, wanted: next ?? start.nextOffset)
        actions += [
            .counting(.add(start, isNew: earlier == nil, rawNext: rawNext)),
            .counting(.setEnd(of: partition, range.high)),
        ]
        assign(partition)
        if let last = earlier?.lastRecord, last.offset < range.low { actions.append(.counting(.passCheck(partition))) }
        if let old = replaced[partition], let id = topic.id, let earlier,
            usedEnd(partition, earlier.nextOffset) > range.low
        {
            actions.append(.counting(.block(partition)))
            return try giveUp(partition, .recreated(old: old, new: id), range, earlier.nextOffset)
        }
        if replaced.removeValue(forKey: partition) != nil { actions.append(.counting(.forgetLog(partition, nil))) }
        if topic.unsettled.waiting.contains(partition), let earlier, range.high < earlier.nextOffset {
            return wait(partition, for: earlier.nextOffset)
        }
        if let earlier, case let end = usedEnd(partition, earlier.nextOffset), end > earlier.nextOffset,
            range.high < end
        {
            return try giveUp(partition, .shorter(end: range.high), range, earlier.nextOffset)
        }
        let decision = StartPosition.decide(next: next, range: range)
        // A broker that knows leader epochs reports where the log was truncated.
        if case .beyondEnd = decision, settings.skipsMissingOffsets, earlier?.lastRecord?.leaderEpoch != nil { return }
        try follow(decision, partition, range, offsets)
    }
}
