// Whether a table still has what this state exported to it: a pure decision from the current line of snapshots, as far
// as it is listed, and the ledger. Properties do not tell: they survive when a table is set back to an older snapshot.
//
// Invariant: our last commit is the newest of ours in the line, or all of ours have expired. Snapshots beside the line
// prove nothing, whether they are still listed or not.

import Base
import Iceberg
import State

/// What the line of snapshots says of our last commit.
enum Lineage: Equatable {
    /// It is in the line, or nothing contradicts it.
    case whole
    /// The table was set back to before it.
    case setBack(current: Int64?)
    /// A commit stands in its place that this state did not make.
    case replaced(by: Int64)

    /// - Parameter line: the current snapshot and its ancestors, newest first, as far as they have not expired.
    package static func decide(_ line: [Snapshot], _ ledger: LedgerPosition) -> Lineage {
        guard ledger.epoch > 0 else { return .whole }
        guard let newest = line.first(where: { $0.isOurs }) else { return withoutOurs(line, ledger) }
        if isOpen(newest, ledger) || isLast(newest, line, ledger) { return .whole }
        if isBelow(newest, line, ledger) { return .setBack(current: line.first?.id) }
        // A state of an older version does not know its last commit by id, and its snapshot may have expired.
        guard ledger.commitID != nil else { return .whole }
        return isBeyond(newest, ledger) ? .replaced(by: newest.id) : .setBack(current: line.first?.id)
    }

    private static func isOpen(_ snapshot: Snapshot, _ ledger: LedgerPosition) -> Bool {
        ledger.openCommitID != nil && snapshot.summary[Mark.commitID] == ledger.openCommitID
    }

    /// The last settled commit, or the snapshot at which the state was restored, with nothing of ours after it.
    private static func isLast(_ newest: Snapshot, _ line: [Snapshot], _ ledger: LedgerPosition) -> Bool {
        if let commitID = ledger.commitID, newest.summary[Mark.commitID] == commitID { return true }
        guard ledger.commitID == nil, let id = ledger.snapshotID else { return false }
        return line.prefix { $0.id != newest.id }.contains { $0.id == id } || newest.id == id
    }

    /// Offsets that the ledger has are not in the table.
    private static func isBelow(_ newest: Snapshot, _ line: [Snapshot], _ ledger: LedgerPosition) -> Bool {
        if let generation = newest.generation, generation < ledger.progress.generation { return true }
        let ends = line.ends
        return ledger.progress.offsets.contains { partition, end in ends[partition].map { $0 < end } ?? false }
    }

    private static func isBeyond(_ newest: Snapshot, _ ledger: LedgerPosition) -> Bool {
        if let generation = newest.generation, generation > ledger.progress.generation { return true }
        return (newest.addedOffsets ?? [:]).contains { partition, span in
            ledger.progress.offsets[partition].map { span.to > $0 } ?? true
        }
    }

    /// All of ours have expired, or they never were in this line: its rows tell, where they are known.
    private static func withoutOurs(_ line: [Snapshot], _ ledger: LedgerPosition) -> Lineage {
        guard let current = line.first else { return .setBack(current: nil) }
        guard let before = ledger.rows, let now = current.summary["total-records"].flatMap({ Int64($0) }), now < before
        else { return .whole }
        return .setBack(current: current.id)
    }
}
