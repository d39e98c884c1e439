// A Kafka cluster in memory: logs with a high watermark, leader epochs, transactions and topic ids.
//
// Invariants: a consumer never sees a record at or above the high watermark, and one that reads committed records none at or
// above the first open transaction; what is below the high watermark stays, except by truncation, retention or a new topic.

import Base
import Kafka

/// What the simulation knows of an event that it produced.
struct SimEvent: Equatable {
    let postcode: String
    /// Milliseconds since the Unix epoch.
    let time: Int64
}

/// One entry of a log.
struct LogEntry {
    var value: [UInt8]?
    var envelope = Envelope()
    var epoch: Int32 = 0
    /// A control batch, which no consumer sees.
    var isControl = false
    /// What it is; nil for what is not a valid event.
    var event: SimEvent?

    func isSame(as other: LogEntry) -> Bool {
        value == other.value && envelope.timestamp == other.envelope.timestamp
    }
}

/// The log of one partition.
struct PartitionLog {
    var low: KafkaOffset = 0
    /// The entries from `low` on.
    var entries: [LogEntry] = []
    var highWatermark: KafkaOffset = 0
    /// The first offset of an open transaction.
    var openTransaction: KafkaOffset?
    var leader: Int32 = 0
    var epoch: Int32 = 0
    /// The first offset of each epoch.
    var epochStarts: [(epoch: Int32, start: KafkaOffset)] = [(0, 0)]

    var end: KafkaOffset { low + Int64(entries.count) }

    func entry(at offset: KafkaOffset) -> LogEntry? {
        offset >= low && offset < end ? entries[Int(low.distance(to: offset))] : nil
    }

    mutating func append(_ entry: LogEntry) -> KafkaOffset {
        var entry = entry
        entry.epoch = epoch
        entries.append(entry)
        return end.previous
    }

    /// Makes everything visible.
    mutating func replicate() { highWatermark = end }

    /// The end for a reader.
    func visibleEnd(committed: Bool) -> KafkaOffset {
        committed ? min(highWatermark, openTransaction ?? highWatermark) : highWatermark
    }

    mutating func changeLeader() {
        leader = (leader + 1) % 3
        epoch += 1
        epochStarts.append((epoch, end))
    }

    /// Drops everything from `offset` on, as an unclean election does.
    mutating func truncate(at offset: KafkaOffset) {
        entries.removeLast(Int(max(0, max(offset, low).distance(to: end))))
        highWatermark = min(highWatermark, end)
        if let open = openTransaction, open >= end { openTransaction = nil }
        let end = end
        epochStarts.removeAll { $0.start > end }
        changeLeader()
    }

    /// Where the log ends for an epoch, as a leader answers (KIP-320).
    func end(ofEpoch wanted: Int32) -> KafkaOffset {
        epochStarts.first { $0.epoch > wanted }.map(\.start) ?? end
    }

    mutating func deleteRecords(below offset: KafkaOffset) {
        let count = min(max(0, low.distance(to: offset)), Int64(entries.count))
        entries.removeFirst(Int(count))
        low = low + count
    }
}

/// A topic.
struct SimTopic {
    var id: String
    var partitions: [PartitionLog]
}

/// The brokers.
final class SimCluster: @unchecked Sendable {
    let id = "simulated-cluster"
    var topics: [String: SimTopic] = [:]
    /// Nothing answers until this moment.
    var awayUntil: Int64 = 0
    /// The present owner of each transactional id.
    var owners: [String: Int] = [:]
    private var nextOwner = 0
    private var nextTopic = 0

    func create(_ name: String, partitions: Int) {
        nextTopic += 1
        topics[name] = SimTopic(
            id: "topic-\(nextTopic)", partitions: .init(repeating: PartitionLog(), count: partitions))
    }

    func newOwner() -> Int {
        nextOwner += 1
        return nextOwner
    }

    func log(_ topic: String, _ partition: PartitionID) -> PartitionLog? {
        let index = Int(partition.rawValue)
        guard let found = topics[topic], found.partitions.indices.contains(index) else { return nil }
        return found.partitions[index]
    }

    func change(_ topic: String, _ partition: PartitionID, _ body: (inout PartitionLog) -> Void) {
        let index = Int(partition.rawValue)
        guard topics[topic]?.partitions.indices.contains(index) == true else { return }
        body(&topics[topic, default: SimTopic(id: "", partitions: [])].partitions[index])
    }
}

/// librdkafka's and the brokers' codes that the simulation answers with.
enum Code {
    static let transport: Int32 = -195
    static let allBrokersDown: Int32 = -187
    static let timedOut: Int32 = -185
    static let offsetReset: Int32 = -140
    static let unknownTopic: Int32 = 3
    static let fenced: Int32 = 90
    static let coordinatorLoading: Int32 = 14

    static func error(_ code: Int32, _ text: String? = nil) -> KafkaError { KafkaError(code: code, text) }
}
