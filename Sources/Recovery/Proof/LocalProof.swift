// The checks that need only the state.

import Base
import State

/// Compares the state with itself.
struct LocalProof {
    package let state: ProofState
    package let allowsGaps: Bool

    /// Makes the checks.
    /// - Throws: `SQLiteError`.
    package func checks() throws -> [ProofCheck] {
        var checks: [ProofCheck] = []
        for partition in state.partitions { checks += try self.checks(of: partition) }
        checks.append(try sum())
        return checks
    }

    /// Windows that queries print with another timestamp than that of their start.
    /// - Throws: `SQLiteError`.
    package func findings() throws -> [String] {
        guard let wrong = try state.reader.misprintedWindows() else { return [] }
        return [
            "the state prints \(wrong.count) windows with another timestamp than that of their start, such as the window "
                + "from second \(wrong.start.seconds) with \(wrong.timestamp)"
        ]
    }

    private func checks(of partition: ProofPartition) throws -> [ProofCheck] {
        let name = "partition \(partition.number)"
        let late = try state.reader.numberOfRows(in: .late, partition: partition.number)
        let rejected = try state.reader.numberOfRows(in: .rejected, partition: partition.number)
        return [
            ProofCheck(
                "\(name): counted + late + rejected = consumed", expected: partition.consumed,
                found: partition.counted + partition.late + partition.rejected),
            offsets(partition, name),
            ProofCheck("\(name): late log", expected: partition.late, found: late),
            ProofCheck("\(name): rejected log", expected: partition.rejected, found: rejected),
        ]
    }

    /// Compares the consumed records with the offsets. Incidents name the offsets that Kafka no longer had; some of
    /// these were counted before if only the raw half still needed them.
    private func offsets(_ partition: ProofPartition, _ name: String) -> ProofCheck {
        let span = partition.first.distance(to: partition.next)
        let lost = partition.lost(below: .last)
        let bounds = allowsGaps ? 0...max(0, span) : max(0, span - lost)...max(0, span)
        let isEqual = bounds.contains(partition.consumed)
        var note = lost > 0 ? "\(lost) offsets were lost, as incidents tell" : nil
        if !isEqual {
            note =
                "\(span - lost - partition.consumed) offsets are neither consumed nor known to be missing"
                + (allowsGaps ? "" : " (a topic with compaction or transactions has some: --compacted)")
        }
        if allowsGaps, partition.gap > lost { note = "\(partition.gap - lost) offsets had no record" }
        let expected = lost > 0 && isEqual ? partition.consumed : span - lost
        return ProofCheck(
            "\(name): consumed = offsets \(partition.first) to \(partition.next) (exclusive)",
            "\(allowsGaps && isEqual ? partition.consumed : expected)", "\(partition.consumed)", isEqual, note: note)
    }

    private func sum() throws -> ProofCheck {
        let counted = state.partitions.reduce(0) { $0 + $1.counted }
        let backfilled = try state.reader.numberOfBackfilled()
        let local = try state.reader.sumOfCounts()
        let evicted = try state.reader.evictedEvents()
        return ProofCheck(
            "sum of counts", expected: counted + backfilled, found: local.addingOrBound(evicted),
            note: evicted > 0 ? "\(evicted) of them in windows that have left the state" : nil)
    }
}
