// The offsets that the raw table should have at a snapshot.

import Base
import Tables
import State

/// The range of raw rows.
struct RawReach {
    package let state: ProofState
    private let starts: [PartitionID: KafkaOffset]
    private let ends: [PartitionID: KafkaOffset]

    package init(state: ProofState, table: ProofTable) throws {
        self.state = state
        let history = table.history
        starts = history.isWhole ? history.starts : [:]
        // The ledger has every partition, also those whose last commit has expired.
        let progress = try state.reader.exportProgress(of: .raw).offsets
        ends = table.isSettled ? progress : history.ends
    }

    private func bounds(_ partition: ProofPartition) -> (from: KafkaOffset, to: KafkaOffset) {
        let from = starts[partition.number] ?? partition.first
        return (from, max(from, ends[partition.number] ?? from))
    }

    /// The partitions with the offsets and logs to compare their rows with.
    package func partitions(countedEnds: [PartitionID: KafkaOffset]) throws -> [PartitionID: RawPartition] {
        var partitions: [PartitionID: RawPartition] = [:]
        for partition in state.partitions {
            let (from, to) = bounds(partition)
            partitions[partition.number] = RawPartition(
                partition, from: from, to: to, countedEnd: countedEnds[partition.number] ?? .first,
                rejected: try state.offsets(of: .rejected, partition: partition.number, in: from..<to),
                lateLog: try state.offsets(of: .late, partition: partition.number, in: from..<to))
        }
        return partitions
    }

    /// Whether every offset below `ends` is in the raw table's range, rejected or lost.
    func covers(_ ends: [PartitionID: KafkaOffset]) throws -> Bool {
        for partition in state.partitions {
            guard let end = ends[partition.number] else { continue }
            let (from, to) = bounds(partition)
            for hole in [(partition.first, min(from, end)), (max(partition.first, to), end)] where hole.0 < hole.1 {
                let rejected = try state.offsets(of: .rejected, partition: partition.number, in: hole.0..<hole.1)
                let lost = partition.lost(below: hole.1) - partition.lost(below: hole.0)
                if rejected.count + lost < hole.0.distance(to: hole.1) { return false }
            }
        }
        return true
    }
}
