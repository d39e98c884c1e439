// What a lost state had published beyond the offsets that the state restored in its place begins with.
//
// Those events are read from Kafka again, and become rows without the numbers that the lost state gave them; their origins
// tell that the topic has them. Invariant: an origin is forgotten only when its row, if it became one again, is marked.

internal import Store

/// Origins of records that a topic has.
struct SentBefore {
    /// Offsets of the source topic, by partition.
    private var origins: [Int32: Set<Int64>] = [:]
    /// Where the restored state began to read.
    private let restored: [Int32: Int64]

    /// - Parameter restored: the first offset of each partition that is read again; of others it is all.
    init(restored: [Int32: Int64]) { self.restored = restored }

    /// Takes note of the key of a record of ours.
    mutating func note(key: String?) {
        guard let origin = key.flatMap({ OutboxKey.origin(of: $0) }), origin.offset >= restored[origin.partition] ?? 0
        else { return }
        origins[origin.partition, default: []].insert(origin.offset)
    }

    /// Whether the topic has the event of this origin.
    func contains(partition: Int32, offset: Int64) -> Bool { origins[partition]?.contains(offset) ?? false }

    /// Whether everything noted has been consumed again.
    func isBelow(_ consumed: [PartitionProgress]) -> Bool {
        origins.allSatisfy { number, offsets in
            let next = consumed.first { $0.partition == number }?.nextOffset ?? 0
            return offsets.allSatisfy { $0 < next }
        }
    }
}
