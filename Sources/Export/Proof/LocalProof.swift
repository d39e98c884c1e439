// The checks that need nothing but the state.

import SQLite

/// Compares the state with itself.
struct LocalProof {
    let state: ProofState
    let allowsGaps: Bool

    /// - Throws: `SQLiteError`.
    func checks() throws -> [ProofCheck] {
        var checks: [ProofCheck] = []
        for partition in state.partitions { checks += try self.checks(of: partition) }
        checks.append(try sum())
        return checks
    }

    private func checks(of partition: ProofPartition) throws -> [ProofCheck] {
        let name = "partition \(partition.number)"
        let late = try state.count(of: "late", partition: partition.number)
        let rejected = try state.count(of: "rejected", partition: partition.number)
        return [
            ProofCheck(
                "\(name): counted + late + rejected = consumed", expected: partition.consumed,
                found: partition.counted + partition.late + partition.rejected),
            offsets(partition, name),
            ProofCheck("\(name): late log", expected: partition.late, found: late),
            ProofCheck("\(name): rejected log", expected: partition.rejected, found: rejected),
        ]
    }

    /// An incident tells what Kafka no longer had; where the raw half was behind, some of that had been counted before.
    private func offsets(_ partition: ProofPartition, _ name: String) -> ProofCheck {
        let span = partition.next - partition.first
        let lost = partition.lost(below: .max)
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
        let backfilled = try state.connection.integer("SELECT count(*) FROM late WHERE backfilled_at_ms IS NOT NULL")
        let local = try state.connection.integer("SELECT coalesce(sum(count), 0) FROM counts")
        let evicted = try state.evictedSum()
        return ProofCheck(
            "sum of counts", expected: counted + (backfilled ?? 0), found: (local ?? 0) + evicted,
            note: evicted > 0 ? "\(evicted) of them in windows that have left the state" : nil)
    }
}

extension ProofState {
    /// The sum of exported counts whose windows have left the state, as retention keeps it.
    func evictedSum() throws -> Int64 { try meta("evicted_events").flatMap { Int64($0) } ?? 0 }
}
