// Decides whether a table still has what this state exported to it, from the listed ancestors of the current snapshot
// and the ledger. Does no I/O. Table properties cannot show this, because they survive a rollback to an older snapshot.
//
// The table is whole when the last settled commit is the newest of this program's commits in the line, or all of them
// have expired. Snapshots outside the line prove nothing, whether they are still listed or not.

import Base
import Iceberg
import State

/// The relation of the current snapshot's ancestors to this state's last commit.
enum Lineage: Equatable {
    /// The last commit is in the line, or nothing contradicts that.
    case whole
    /// The table was rolled back to before the last commit.
    case setBack(current: Int64?)
    /// A commit that this state did not make is in the place of the last commit, or follows it.
    case replaced(by: Int64)

    /// Decides.
    /// - Parameter line: the current snapshot and its ancestors that have not expired, newest first.
    package static func decide(_ line: [Snapshot], _ ledger: LedgerPosition) -> Lineage {
        guard ledger.epoch > 0 else { return .whole }
        guard let newest = line.first(where: { $0.isOurs }) else { return withoutOurs(line, ledger) }
        if isOpen(newest, ledger) || isLast(newest, line, ledger) { return .whole }
        if isBelow(newest, line, ledger) { return .setBack(current: line.first?.id) }
        if isBeyond(newest, ledger) || hasLast(line, ledger) { return .replaced(by: newest.id) }
        // A state of an older version does not know its last commit by id, and its snapshot may have expired.
        return ledger.commitID == nil ? .whole : .setBack(current: line.first?.id)
    }

    /// The snapshot is of the open intent's commit.
    private static func isOpen(_ snapshot: Snapshot, _ ledger: LedgerPosition) -> Bool {
        ledger.openCommitID != nil && snapshot.summary[Mark.commitID] == ledger.openCommitID
    }

    /// The newest commit is the last settled one, or the state, of an older version, was restored from it or from a
    /// later snapshot.
    private static func isLast(_ newest: Snapshot, _ line: [Snapshot], _ ledger: LedgerPosition) -> Bool {
        if let commitID = ledger.commitID, newest.summary[Mark.commitID] == commitID { return true }
        guard ledger.commitID == nil, let id = ledger.snapshotID else { return false }
        return line.prefix { $0.id != newest.id }.contains { $0.id == id } || newest.id == id
    }

    /// The last settled commit is in the line, below a newer one.
    private static func hasLast(_ line: [Snapshot], _ ledger: LedgerPosition) -> Bool {
        guard let commitID = ledger.commitID else { return false }
        return line.contains { $0.summary[Mark.commitID] == commitID }
    }

    /// The table lacks a generation or offsets that the ledger has.
    private static func isBelow(_ newest: Snapshot, _ line: [Snapshot], _ ledger: LedgerPosition) -> Bool {
        if let generation = newest.generation, generation < ledger.progress.generation { return true }
        let ends = line.ends
        return ledger.progress.offsets.contains { partition, end in ends[partition].map { $0 < end } ?? false }
    }

    /// The commit has a generation or offsets that the ledger does not have.
    private static func isBeyond(_ newest: Snapshot, _ ledger: LedgerPosition) -> Bool {
        if let generation = newest.generation, generation > ledger.progress.generation { return true }
        return (newest.addedOffsets ?? [:]).contains { partition, span in
            ledger.progress.offsets[partition].map { span.to > $0 } ?? true
        }
    }

    /// The line has no commit of this program: all have expired, or they were never in this line. The number of rows
    /// decides, where it is known.
    private static func withoutOurs(_ line: [Snapshot], _ ledger: LedgerPosition) -> Lineage {
        guard let current = line.first else { return .setBack(current: nil) }
        guard let before = ledger.rows, let now = current.totalRecords, now < before
        else { return .whole }
        return .setBack(current: current.id)
    }
}
