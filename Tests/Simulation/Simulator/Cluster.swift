// A Kafka cluster in memory: logs with a high watermark, leader epochs, transactions and topic ids.
//
// Invariants: a consumer never sees a record at or above the high watermark, and one that reads committed records none at or
// above the first open transaction; what is below the high watermark stays, except by truncation, retention or a new topic.

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
}

/// The log of one partition.
struct PartitionLog {
    var low: Int64 = 0
    /// The entries from `low` on.
    var entries: [LogEntry] = []
    var highWatermark: Int64 = 0
    /// The first offset of an open transaction.
    var openTransaction: Int64?
    var leader: Int32 = 0
    var epoch: Int32 = 0
    /// The first offset of each epoch.
    var epochStarts: [(epoch: Int32, start: Int64)] = [(0, 0)]

    var end: Int64 { low + Int64(entries.count) }

    func entry(at offset: Int64) -> LogEntry? {
        offset >= low && offset < end ? entries[Int(offset - low)] : nil
    }

    mutating func append(_ entry: LogEntry) -> Int64 {
        var entry = entry
        entry.epoch = epoch
        entries.append(entry)
        return end - 1
    }

    /// Makes everything visible.
    mutating func replicate() { highWatermark = end }

    /// The end for a reader.
    func visibleEnd(committed: Bool) -> Int64 {
        min(highWatermark, committed ? openTransaction ?? .max : .max)
    }

    mutating func changeLeader() {
        leader = (leader + 1) % 3
        epoch += 1
        epochStarts.append((epoch, end))
    }

    /// Drops everything from `offset` on, as an unclean election does.
    mutating func truncate(at offset: Int64) {
        entries.removeLast(Int(max(0, end - max(offset, low))))
        highWatermark = min(highWatermark, end)
        if let open = openTransaction, open >= end { openTransaction = nil }
        let end = end
        epochStarts.removeAll { $0.start > end }
        changeLeader()
    }

    /// Where the log ends for an epoch, as a leader answers (KIP-320).
    func end(ofEpoch wanted: Int32) -> Int64 {
        epochStarts.first { $0.epoch > wanted }.map(\.start) ?? end
    }

    mutating func deleteRecords(below offset: Int64) {
        let count = min(max(0, offset - low), Int64(entries.count))
        entries.removeFirst(Int(count))
        low += count
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

    func log(_ topic: String, _ partition: Int) -> PartitionLog? {
        guard let found = topics[topic], partition >= 0, partition < found.partitions.count else { return nil }
        return found.partitions[partition]
    }

    func change(_ topic: String, _ partition: Int, _ body: (inout PartitionLog) -> Void) {
        guard let found = topics[topic], partition < found.partitions.count else { return }
        body(&topics[topic]!.partitions[partition])
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
