// Which offsets the raw table at a snapshot should hold.

import Base
import Tables
import State

/// How far raw rows go.
struct RawReach {
    package let state: ProofState
    private let starts: [PartitionID: KafkaOffset]
    private let ends: [PartitionID: KafkaOffset]

    package init(state: ProofState, table: ProofTable) throws {
        self.state = state
        let history = table.history
        starts = history.isWhole ? history.starts : [:]
        // The ledger knows every partition, however old its last commit is.
        let progress = try state.reader.exportProgress(of: .raw).offsets
        ends = table.isSettled ? progress : history.ends
    }

    private func bounds(_ partition: ProofPartition) -> (from: KafkaOffset, to: KafkaOffset) {
        let from = starts[partition.number] ?? partition.first
        return (from, max(from, ends[partition.number] ?? from))
    }

    /// What to hold the rows of each partition against.
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

    /// Every event below `ends` is in the raw table: what is not, was rejected or lost.
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
