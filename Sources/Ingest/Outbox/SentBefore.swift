// Events of the same source that other publishers have sent: the lost state that this one replaces, or another state.
//
// This state consumes those events again and gives their rows new numbers, so only their origins show that the topic
// has them. An event counts as sent only when origin and bytes are equal, because a topic created again under the same
// name is another source. `OutboxPublisher` forgets the origins once all their rows are marked.

import Base
import State

/// Messages in a topic, by origin.
struct SentBefore {
    /// A hash of each message's bytes.
    private var origins: [OutboxOrigin: Int] = [:]
    /// The offsets at which the restored state started to read.
    private let restored: [PartitionID: KafkaOffset]

    /// - Parameter restored: the first offset of each partition that is consumed again; 0 for a partition without one.
    init(restored: [PartitionID: KafkaOffset]) { self.restored = restored }

    /// Adds a record, unless its offset is not consumed again.
    mutating func note(_ origin: OutboxOrigin?, value: [UInt8]) {
        guard let origin, origin.offset >= restored[origin.partition] ?? 0 else { return }
        origins[origin] = value.hashValue
    }

    /// Whether the topic has this event.
    func contains(_ row: OutboxRow) -> Bool {
        origins[OutboxOrigin(partition: row.partition, offset: row.offset)] == row.payload.hashValue
    }

    /// Whether all origins have been consumed again.
    func isBelow(_ consumed: [PartitionProgress]) -> Bool {
        var next: [PartitionID: KafkaOffset] = [:]
        for progress in consumed { next[progress.partition] = progress.nextOffset }
        return origins.keys.allSatisfy { $0.offset < next[$0.partition] ?? 0 }
    }
}
