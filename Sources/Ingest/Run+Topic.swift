// What the cluster says of the topic, and whether it still is the topic that the state has read.
//
// Every question is asked by `TopicWatch`, on another thread. Invariants: a partition is added once; of a log that is not the
// one that was read nothing is taken before the user's wish (`--on-missing-offsets`) decided; the range that is passed over
// is written in the same transaction that takes the new log for the state's own.

import Health
import Base
import Kafka
import Log
import State

extension Run {
    /// The recorded id of the topic; nil where none is known.
    static func recordedTopicID(_ store: Store) throws -> String? { try store.meta(.topicID) }

    /// Asks, unless a question is open.
    func askAboutTopic() {
        watch.ask(
            TopicWatch.Question(
                assigned: Set(assigned), suspects: Set(suspects.keys).union(lost.starts.keys),
                wanted: settings.partitions))
    }

    mutating func discoverNowAndThen() throws {
        if let answer = watch.take() {
            do {
                try take(try answer.get())
                cause.forget()
            } catch let error as KafkaError {
                nextDiscovery = service.time.monotonic() + settings.discoveryInterval(afterFault: true)
                let now = service.time.wall()
                service.board?.kafkaFailed(cause.words(for: error, now: now), now: now)
                service.log.debug("looking for partitions: \(error)")
            }
        }
        if service.time.monotonic() >= nextDiscovery { askAboutTopic() }
    }

    /// A partition whose offsets have to be asked for again, at once.
    mutating func suspect(_ partition: Int32, _ change: LogChange?) {
        if waiting.contains(partition), change == nil { return }
        suspects[partition] = .some(change ?? (suspects[partition] ?? nil))
        nextDiscovery = min(nextDiscovery, service.time.monotonic())
    }

    /// Partitions in which another record stands at the place of the last one.
    mutating func mindForeignLogs() {
        for (partition, offset) in accumulator.takeForeign() { suspect(partition, .otherRecord(at: offset)) }
        if accumulator.takeLackOfUsers() {
            service.log.notice(
                """
                none of the first \(UserWatch.limit) events of topic \(settings.topic) names a user: raw events have none; the \
                field is user_id or userId
                """)
        }
    }

    // MARK: Answers

    /// Takes in what the cluster said: new partitions are added, changed logs are dealt with.
    mutating func take(_ found: TopicWatch.Findings) throws {
        let count = found.partitions.count
        let hasMissing = noteMissing(found.partitions)
        nextDiscovery = service.time.monotonic() + settings.discoveryInterval(afterFault: hasMissing)
        if let wrong = settings.partitions?.first(where: { $0 >= count }), assigned.isEmpty {
            throw IngestError.noSuchPartition(topic: settings.topic, partition: wrong, count: count)
        }
        let oldID = topicID
        // Before anything is added: whoever finds another topic takes nothing of it.
        let isRecreated = identify(found.topicID)
        noteLeaders(found.partitions.leaders)
        try addNew(found, recreated: isRecreated ? oldID : nil)
        try resolveSuspects(found)
        try readLostAgain(found)
        if needsAssignment { nextDiscovery = min(nextDiscovery, service.time.monotonic() + 1000) }
    }

    /// Compares the topic's id with the one that was read.
    /// - Returns: whether it is another.
    private mutating func identify(_ found: String?) -> Bool {
        guard let found, found != topicID else { return false }
        let old = topicID
        topicID = found
        accumulator.note(fact: .topicID, found)
        guard let old else { return false }
        for partition in assigned {
            accumulator.block(partition)
            suspect(partition, .recreated(old: old, new: found))
        }
        return true
    }

    /// Where another broker leads than before, the last record is looked for again.
    private mutating func noteLeaders(_ found: [Int32: Int32]) {
        for (partition, leader) in found where leader >= 0 {
            if let last = leaders[partition], last != leader, assigned.contains(partition) {
                service.log.debug("partition \(partition): broker \(leader) leads it instead of \(last)")
                accumulator.checkAgain(partition)
                needsAssignment = true
            }
            leaders[partition] = leader
        }
    }

    /// Tells the board, and the log, which partitions the cluster does not serve.
    /// - Returns: whether there are any.
    private mutating func noteMissing(_ found: TopicPartitions) -> Bool {
        var missing = found.faults.mapValues(\.message)
        for partition in assigned where partition >= found.count { missing[partition] = "the topic no longer has it" }
        service.board?.discovered(missing: missing, now: service.time.wall())
        var hasMissing = false
        for partition in assigned {
            guard let reason = missing[partition] else { continue }
            hasMissing = true
            complain("topic \(settings.topic) partition \(partition): \(reason); trying again", partition: partition)
        }
        return hasMissing
    }

    // MARK: Adding partitions

    private mutating func addNew(_ found: TopicWatch.Findings, recreated oldID: String?) throws {
        let wanted = (0..<Int32(clamping: found.partitions.count)).filter { settings.partitions?.contains($0) ?? true }
        let new = wanted.filter { !assigned.contains($0) }
        guard !new.isEmpty else { return }
        if assigned.isEmpty {
            // All begin together: one that is missing would not hold the watermark. One that the state knows can do without
            // an answer; the broker refuses an offset that it does not have.
            for partition in new where found.ranges[partition] == nil && !isKnown(partition) {
                if let failure = found.failures[partition] { throw failure }
            }
        }
        for partition in new {
            if let range = found.ranges[partition] {
                try add(partition, range, recreated: oldID)
            } else if assigned.isEmpty || isKnown(partition), oldID == nil {
                addUnasked(partition)
            }
        }
        needsAssignment = true
        service.log.info(
            "reading topic \(settings.topic), partitions \(assigned.map(String.init).joined(separator: ", "))",
            metadata: ["offsets": Facts.ends(accumulator.positions.map { ($0.partition, $0.offset) })])
    }

    /// The state says where to read it on, whatever the broker says.
    private func isKnown(_ partition: Int32) -> Bool {
        known.contains { $0.partition == partition } && (raw == nil || rawOffsets[partition] != nil)
    }

    private mutating func addUnasked(_ partition: Int32) {
        guard let earlier = known.first(where: { $0.partition == partition }) else { return }
        accumulator.add(earlier, isNew: false, rawNext: rawOffsets[partition], now: service.time.wall())
        assigned.append(partition)
    }

    private mutating func add(_ partition: Int32, _ range: OffsetRange, recreated oldID: String?) throws {
        let earlier = known.first { $0.partition == partition }
        // A raw half that is new begins where the counts did, as far back as Kafka still goes.
        let rawNext = rawOffsets[partition] ?? max(range.low, earlier?.firstOffset ?? range.low)
        let next = earlier.map { raw == nil ? $0.nextOffset : min($0.nextOffset, rawNext) }
        let decision = StartPosition.decide(next: next, range: range)
        accumulator.add(
            earlier ?? PartitionProgress(partition: partition, nextOffset: range.low), isNew: earlier == nil,
            rawNext: rawNext, now: service.time.wall())
        accumulator.note(highWatermark: range.high, of: partition)
        assigned.append(partition)
        if let last = earlier?.lastRecord, last.offset < range.low { accumulator.passCheck(of: partition) }
        if let oldID, let topicID, let earlier, earlier.nextOffset > range.low {
            accumulator.block(partition)
            return try giveUp(partition, .recreated(old: oldID, new: topicID), range)
        }
        if oldID != nil { accumulator.forgetLog(of: partition, incident: nil) }
        // A broker that knows epochs tells where the log was cut.
        if case .beyondEnd = decision, settings.skipsMissingOffsets, earlier?.lastRecord?.leaderEpoch != nil { return }
        try act(on: decision, partition: partition, range)
    }

    /// Follows the decision, or says why not.
    private mutating func act(on decision: StartPosition, partition: Int32, _ range: OffsetRange) throws {
        switch decision {
        case .read: break
        case .lost(let from, let to):
            guard settings.skipsMissingOffsets else {
                throw IngestError.missingOffsets(topic: settings.topic, partition: partition, from: from, to: to)
            }
            // The raw half may be the only one that wanted them.
            let isCounted = accumulator.progress(of: partition).map { $0.nextOffset >= to } ?? false
            let incident = Incident.missingOffsets(
                of: "topic \(settings.topic)", LostOffsets(partition: partition, offsets: from..<to),
                "were no longer in Kafka and are "
                    + (isCounted ? "counted, but not in the raw table" : "not counted"))
            service.log.error(
                "\(incident.detail)",
                metadata: Facts.place(partition: partition, offset: from, end: to))
            accumulator.skip(partition: partition, to: to, incident: incident)
        case .beyondEnd(_, let end): try giveUp(partition, .shorter(end: end), range)
        }
    }

    // MARK: Logs that changed

    private mutating func resolveSuspects(_ found: TopicWatch.Findings) throws {
        for (partition, change) in suspects {
            guard let range = found.ranges[partition] else {
                let reason = found.failures[partition]?.message ?? "its offsets are not known"
                if found.failures[partition] != nil {
                    complain(
                        "topic \(settings.topic) partition \(partition): \(reason); trying again", partition: partition)
                }
                nextDiscovery = min(nextDiscovery, service.time.monotonic() + 1000)
                continue
            }
            try resolve(partition, change, range)
        }
    }

    private mutating func resolve(_ partition: Int32, _ change: LogChange?, _ range: OffsetRange) throws {
        if waiting.contains(partition) {
            guard let next = accumulator.progress(of: partition)?.nextOffset, range.high >= next else { return }
            waiting.remove(partition)
        } else if let change {
            try giveUp(partition, change, range)
            if waiting.contains(partition) { return }
        } else {
            // The record that was looked for may be the one that is gone.
            accumulator.passCheck(of: partition)
            guard let next = accumulator.positions.first(where: { $0.partition == partition })?.offset else { return }
            try act(on: StartPosition.decide(next: next, range: range), partition: partition, range)
            if waiting.contains(partition) { return }
        }
        suspects.removeValue(forKey: partition)
        needsAssignment = true
    }

    /// The log is not the one that was read: ends the service, or passes over what lies below the state's next offset.
    private mutating func giveUp(_ partition: Int32, _ change: LogChange, _ range: OffsetRange) throws {
        guard let next = accumulator.progress(of: partition)?.nextOffset else { return }
        let unread = UnreadRange(
            topic: settings.topic, partition: partition, change: change, from: change.firstUnread(low: range.low),
            to: next)
        guard unread.from < unread.to else { return accumulator.forgetLog(of: partition, incident: nil) }
        guard settings.skipsMissingOffsets else {
            if case .shorter(let end) = change {
                throw IngestError.topicShorter(topic: settings.topic, partition: partition, next: next, end: end)
            }
            throw IngestError.otherLog(unread)
        }
        let incident = unread.incident
        service.log.error(
            "\(incident.detail)", metadata: Facts.place(partition: partition, offset: unread.from, end: unread.to))
        accumulator.forgetLog(of: partition, incident: incident)
        guard range.high < next else { return }
        // Until then nothing of it is read: offsets that the state has passed are not used again.
        waiting.insert(partition)
        suspects[partition] = .some(nil)
        accumulator.reachedEnd(of: partition, offset: next, now: service.time.wall())
        needsAssignment = true
    }
}
