// What others have published of the same source: the lost state in whose place this one was restored, or another state.
//
// Those events are read from Kafka again, and become rows without the numbers that the others gave them; their origins
// show that the topic has them. Invariants: an event counts as sent only when origin and bytes are equal, so that a topic
// created again under the same name is another source; an origin is forgotten only when its row, if there is one, is marked.

import Base
import State

/// Messages that a topic has, by origin.
struct SentBefore {
    /// A hash of each message's bytes.
    private var origins: [OutboxOrigin: Int] = [:]
    /// Where the restored state began to read.
    private let restored: [PartitionID: KafkaOffset]

    /// - Parameter restored: the first offset of each partition that is read again; of others it is all.
    init(restored: [PartitionID: KafkaOffset]) { self.restored = restored }

    /// Takes note of a record.
    mutating func note(_ origin: OutboxOrigin?, value: [UInt8]) {
        guard let origin, origin.offset >= restored[origin.partition] ?? 0 else { return }
        origins[origin] = value.hashValue
    }

    /// Whether the topic has this event.
    func contains(_ row: OutboxRow) -> Bool {
        origins[OutboxOrigin(partition: row.partition, offset: row.offset)] == row.payload.hashValue
    }

    /// Whether everything noted has been consumed again.
    func isBelow(_ consumed: [PartitionProgress]) -> Bool {
        var next: [PartitionID: KafkaOffset] = [:]
        for progress in consumed { next[progress.partition] = progress.nextOffset }
        return origins.keys.allSatisfy { $0.offset < next[$0.partition] ?? 0 }
    }
}
