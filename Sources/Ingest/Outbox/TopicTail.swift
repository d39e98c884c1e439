// Reads back the tail of a topic and collects this state's records and those of other publishers of the same source.
//
// Each partition is read without a gap. Offsets without a record (control batches, compaction) are noted in `lastGap`.

import Base
import Kafka
import State

/// Reads a topic's partitions from given offsets on.
final class TopicTail {
    private let context: OutboxContext
    private let consumer: any OutboxReader
    private let stateID: String
    /// The rows of this state that were found.
    private(set) var found: Set<PublishedRow> = []
    /// The next offset of each partition.
    private(set) var next: [PartitionID: KafkaOffset]
    /// The last offset without a record, by partition.
    private(set) var lastGap: [PartitionID: KafkaOffset] = [:]
    /// The records of other publishers; nil when there are none.
    private(set) var sentBefore: SentBefore?
    /// The ids of other states whose records were found.
    private(set) var foreignStates: Set<String> = []
    /// When a record of this source was last found, on the monotonic clock in milliseconds.
    private var lastNews: Int64

    init(
        _ context: OutboxContext, _ consumer: any OutboxReader, from offsets: [PartitionID: KafkaOffset],
        stateID: String, sentBefore: SentBefore?
    ) throws {
        (self.context, self.consumer, self.stateID) = (context, consumer, stateID)
        (next, self.sentBefore, lastNews) = (offsets, sentBefore, context.time.monotonic())
        try consumer.assign(
            topic: context.settings.topic, offsets.map { Position(partition: $0.key, offset: $0.value) })
    }

    /// Reads every partition up to its offset in `ends` (exclusive).
    /// - Throws: `KafkaError` when a partition cannot be read, `OutboxStopped`.
    func read(to ends: [PartitionID: KafkaOffset]) throws {
        var lastProgress = context.time.monotonic()
        while ends.contains(where: { next[$0.key] ?? 0 < $0.value }) {
            let before = next
            try poll()
            let now = context.time.monotonic()
            if next != before { lastProgress = now }
            if now - lastProgress > 5000 {
                context.complain("topic \(context.settings.topic): no progress in reading it back; trying again")
            }
        }
    }

    /// Continues to read until no record of this source came for `milliseconds`, or until `deadline` on the monotonic
    /// clock.
    /// - Returns: whether a record came.
    /// - Throws: `KafkaError` when a partition cannot be read, `OutboxStopped`.
    func readUntilQuiet(_ milliseconds: Int64, deadline: Int64) throws -> Bool {
        var now = context.time.monotonic()
        let began = now
        lastNews = began
        while now - lastNews < milliseconds, now < deadline {
            try poll()
            now = context.time.monotonic()
        }
        return lastNews != began
    }

    private func poll() throws {
        try context.checkTime()
        let (messages, notices) = consumer.pollCopies(timeoutMilliseconds: 50)
        for message in messages {
            advance(message.partition, to: message.offset)
            // A record that is delivered again does not move the position back: its end was reported already.
            next[message.partition] = max(next[message.partition] ?? .first, message.offset.next)
            note(message)
        }
        for notice in notices {
            switch notice {
            case .endOfPartition(let partition, let offset): advance(partition, to: offset)
            case .partitionFailed(_, _, let error): throw error
            case .failed(let error): if error.isAuthentication { throw error }
            }
        }
    }

    private func advance(_ partition: PartitionID, to offset: KafkaOffset) {
        guard let expected = next[partition], offset > expected else { return }
        (lastGap[partition], next[partition]) = (offset.previous, offset)
    }

    private func note(_ message: Message) {
        guard let record = OutboxRecord(message) else { return }
        if record.stateID == stateID {
            if let origin = record.origin {
                found.insert(
                    PublishedRow(number: record.number, partition: origin.partition, offset: origin.offset))
            }
            sentBefore?.note(record.origin, value: message.value ?? [])
        } else {
            guard let origin = record.origin, record.topic == context.settings.sourceTopic,
                context.settings.partitions?.contains(origin.partition) ?? true
            else { return }
            foreignStates.insert(record.stateID)
            if sentBefore == nil { sentBefore = SentBefore(restored: [:]) }
            sentBefore?.note(origin, value: message.value ?? [])
        }
        lastNews = context.time.monotonic()
    }
}
