// The simulated cluster as a process's consumers and questions see it.

import Base
import Ingest
import Kafka

/// A consumer of a process.
final class SimReader: RecordReader, OutboxReader {
    private let process: SimProcess
    private let isCommitted: Bool
    /// Told of every record that is handed over, in order.
    private let observer: ((PartitionID, KafkaOffset, LogEntry) -> Void)?
    private var topic = ""
    private var next: [PartitionID: KafkaOffset] = [:]
    /// The offset of the last end that was reported, by partition. An end further on is reported again, also when only
    /// control batches came between.
    private var reportedEnds: [PartitionID: KafkaOffset] = [:]
    private var isPaused = false
    private var notices: [Notice] = []
    private var ends: [PartitionID: KafkaOffset] = [:]
    private var dice: Dice
    private var world: World { process.world }

    init(
        _ process: SimProcess, isCommitted: Bool, seed: UInt64,
        observer: ((PartitionID, KafkaOffset, LogEntry) -> Void)? = nil
    ) {
        (self.process, self.isCommitted, self.observer) = (process, isCommitted, observer)
        dice = Dice(seed: seed, stream: "reader")
    }

    func assign(topic: String, _ positions: [Position]) throws {
        self.topic = topic
        (next, reportedEnds, notices) = ([:], [:], [])
        for position in positions {
            let offset = position.offset
            next[position.partition] = offset
            guard let log = world.cluster.log(topic, position.partition) else { continue }
            if let epoch = position.leaderEpoch, log.end(ofEpoch: epoch) < offset {
                refuse(
                    position.partition, offset,
                    "log truncation detected: broker end offset is \(log.end(ofEpoch: epoch)) (offset leader epoch \(epoch))"
                )
            } else if offset > log.end || offset < log.low {
                refuse(position.partition, offset, "Broker: Offset out of range")
            }
        }
    }

    private func refuse(_ partition: PartitionID, _ offset: KafkaOffset, _ text: String) {
        next[partition] = nil
        notices.append(
            .partitionFailed(partition: partition, offset: offset, Code.error(Code.offsetReset, text)))
    }

    func setPaused(_ paused: Bool, topic: String, _ positions: [Position]) { isPaused = paused }

    func poll<Result>(
        timeoutMilliseconds: Int32, _ body: (UnsafeBufferPointer<Record>, [Notice]) throws -> Result
    ) rethrows -> Result {
        let (found, notices) = take(timeoutMilliseconds)
        return try RecordBatch(found).with { try body($0, notices) }
    }

    func pollCopies(timeoutMilliseconds: Int32) -> (messages: [Message], notices: [Notice]) {
        let (found, notices) = take(timeoutMilliseconds)
        let messages = found.map {
            Message(
                partition: $0.partition, offset: $0.offset, timestamp: $0.entry.envelope.timestamp,
                key: $0.entry.envelope.key, value: $0.entry.value, headers: $0.entry.envelope.headers)
        }
        return (messages, notices)
    }

    /// A record with its place.
    struct Found {
        let partition: PartitionID
        let offset: KafkaOffset
        let entry: LogEntry
    }

    private func take(_ timeout: Int32) -> ([Found], [Notice]) {
        world.point("poll")
        guard !process.isDead else { return ([], []) }
        guard !world.isBrokerAway else {
            process.pause(Int64(timeout))
            return ([], dice.chance(0.2) ? [.failed(Code.error(Code.allBrokersDown, "1/1 brokers are down"))] : [])
        }
        var found: [Found] = []
        var partitions = next.keys.sorted()
        if world.faults.strikes(.reordered, factor: 5) { partitions.shuffle(using: &dice) }
        for partition in partitions where !isPaused && dice.chance(0.8) { read(partition, &found) }
        defer { notices = [] }
        if found.isEmpty, notices.isEmpty { process.pause(Int64(max(1, timeout))) }
        return (found, notices)
    }

    private func read(_ partition: PartitionID, _ found: inout [Found]) {
        guard let log = world.cluster.log(topic, partition), var offset = next[partition] else { return }
        if offset < log.low || offset > log.end {
            return refuse(partition, offset, "Broker: Offset out of range")
        }
        let end = log.visibleEnd(committed: isCommitted)
        ends[partition] = end
        if offset > log.low, world.faults.strikes(.duplicates) {
            // As after a reconnect, when the fetch position goes back a little.
            offset = max(log.low, offset - Int64(dice.number(1..<4)))
        }
        let limit = min(end, offset + Int64(dice.number(1..<12)))
        while offset < limit, let entry = log.entry(at: offset) {
            if !entry.isControl {
                found.append(Found(partition: partition, offset: offset, entry: entry))
                observer?(partition, offset, entry)
            }
            offset = offset.next
        }
        next[partition] = max(offset, next[partition] ?? 0)
        if offset >= end, reportedEnds[partition] != end {
            reportedEnds[partition] = end
            notices.append(.endOfPartition(partition: partition, offset: end))
        }
    }

    func takeErrors() -> [KafkaError] { world.isBrokerAway ? [Code.error(Code.transport)] : [] }

    func clusterID(timeoutMilliseconds: Int32) -> String? {
        guard isAnswered(timeoutMilliseconds) else { return nil }
        return world.cluster.id
    }

    func cachedHighWatermark(of topic: String, partition: PartitionID) -> KafkaOffset? { ends[partition] }

    func partitionCount(of topic: String, timeoutMilliseconds: Int32) throws -> Int {
        try ask(timeoutMilliseconds)
        guard let found = world.cluster.topics[topic] else { throw Code.error(Code.unknownTopic) }
        return found.partitions.count
    }

    func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange {
        try ask(timeoutMilliseconds)
        guard let log = world.cluster.log(topic, partition) else { throw Code.error(Code.unknownTopic) }
        return OffsetRange(low: log.low, high: log.visibleEnd(committed: isCommitted))
    }

    func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws -> CreatedTopic {
        try ask(timeoutMilliseconds)
        if let found = world.cluster.topics[name] {
            return CreatedTopic(isNew: false, partitions: found.partitions.count)
        }
        world.cluster.create(name, partitions: partitions)
        return CreatedTopic(isNew: true, partitions: partitions)
    }

    func configuration(of topic: String, _ name: String, timeoutMilliseconds: Int32) throws -> String? { "1048588" }

    private func isAnswered(_ timeout: Int32) -> Bool {
        world.point("ask")
        guard !process.isDead, !world.isBrokerAway else {
            process.pause(Int64(max(1, timeout)))
            return false
        }
        process.pause(1)
        return true
    }

    private func ask(_ timeout: Int32) throws {
        guard isAnswered(timeout) else { throw Code.error(Code.timedOut) }
    }
}

/// Records in memory that stays for as long as they are used.
private struct RecordBatch {
    private let found: [SimReader.Found]

    init(_ found: [SimReader.Found]) { self.found = found }

    func with<Result>(_ body: (UnsafeBufferPointer<Record>) throws -> Result) rethrows -> Result {
        let details = UnsafeMutablePointer<RecordDetails>.allocate(capacity: max(1, found.count))
        let bytes = found.reduce(0) { $0 + ($1.entry.value?.count ?? 0) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes), alignment: 8)
        defer {
            details.deinitialize(count: found.count)
            details.deallocate()
            buffer.deallocate()
        }
        var records: [Record] = []
        var place = 0
        for (index, each) in found.enumerated() {
            (details + index).initialize(
                to: RecordDetails(envelope: each.entry.envelope, leaderEpoch: each.entry.epoch))
            let value = each.entry.value ?? []
            let payload = UnsafeMutableRawBufferPointer(rebasing: buffer[place..<place + value.count])
            payload.copyBytes(from: value)
            place += value.count
            records.append(
                Record(
                    partition: each.partition, offset: each.offset, payload: UnsafeRawBufferPointer(payload),
                    isTombstone: each.entry.value == nil, details: details + index))
        }
        return try records.withUnsafeBufferPointer(body)
    }
}

/// Questions about the source's topic.
final class SimQuestions: TopicQuestions {
    private let process: SimProcess
    private var open: (question: TopicWatch.Question, readyAt: Int64)?
    private var world: World { process.world }

    init(_ process: SimProcess) { self.process = process }

    func ask(_ question: TopicWatch.Question) {
        guard open == nil else { return }
        open = (question, world.now + Int64(world.dice.number(1..<30)))
    }

    func take(waitMilliseconds: Int) -> Result<TopicWatch.Findings, any Error>? {
        guard let (question, readyAt) = open else { return nil }
        if readyAt > world.now { process.pause(min(Int64(waitMilliseconds), readyAt - world.now)) }
        guard readyAt <= world.now || process.isDead else { return nil }
        open = nil
        guard !world.isBrokerAway, !process.isDead else { return .failure(Code.error(Code.timedOut)) }
        return Result { try find(question) }
    }

    private func find(_ question: TopicWatch.Question) throws -> TopicWatch.Findings {
        guard let topic = world.cluster.topics[World.topic] else { throw Code.error(Code.unknownTopic) }
        var found = TopicWatch.Findings()
        found.partitions = TopicPartitions(count: topic.partitions.count)
        found.topicID = topic.id
        for (index, log) in topic.partitions.enumerated() {
            let partition = PartitionID(clamping: index)
            found.partitions.leaders[partition] = log.leader
            guard question.wanted?.contains(partition) ?? true,
                !question.assigned.contains(partition) || question.suspects.contains(partition)
            else { continue }
            found.ranges[partition] = OffsetRange(low: log.low, high: log.visibleEnd(committed: true))
        }
        return found
    }
}

/// The group's offsets.
final class SimCommits: OffsetCommits {
    private let process: SimProcess
    private(set) var isUnderWay = false
    private var sent: [PartitionID: KafkaOffset] = [:]
    private var world: World { process.world }

    init(_ process: SimProcess) { self.process = process }

    func begin(topic: String, _ positions: [Position]) {
        guard !isUnderWay, !positions.isEmpty else { return }
        isUnderWay = true
        for position in positions { sent[position.partition] = position.offset }
        // Compared with the state now: a later flush could hide offsets that were ahead of it.
        if !process.isDead { world.compareCommit(sent) }
    }

    func outcome(timeoutMilliseconds: Int32) -> CommitOutcome? {
        guard isUnderWay else { return nil }
        guard !process.isDead, !world.isBrokerAway else {
            process.pause(Int64(timeoutMilliseconds))
            return nil
        }
        isUnderWay = false
        if world.faults.strikes(.commitRefused) { return .failed(Code.error(Code.coordinatorLoading)) }
        return .acknowledged
    }
}
