// Decides what to do with a prepared commit, from the table and the ledger. Pure.
//
// Every commit of a state raises the table's epoch by one, in a property that the same commit sets. The epoch therefore
// distinguishes "our commit was not applied", "our commit was applied" and "another process committed as this state".

import Iceberg

/// An observation of a table.
struct TableObservation: Equatable {
    /// Where the intent's commit id was found; nil when it was not found.
    package var found: FoundCommit?
    /// The table's epoch; 0 when it has none.
    package var tableEpoch: Int64
    /// The epoch after this state's last settled commit.
    var ledgerEpoch: Int64
}

/// The next step of a commit.
enum CommitDecision: Equatable {
    /// The commit is in the table; nil when its snapshot has expired.
    case settle(Snapshot?)
    /// The commit is not in the table, and no other process committed as this state: try it.
    case commit
    /// Another process commits as this state.
    case fenced
    /// The table lacks commits of this state: it was created again or rolled back.
    case wentBack

    package static func decide(_ observation: TableObservation) -> CommitDecision {
        switch observation.found {
        case .snapshot(let snapshot): return .settle(snapshot)
        case .property: return .settle(nil)
        case nil: break
        }
        if observation.tableEpoch == observation.ledgerEpoch { return .commit }
        return observation.tableEpoch > observation.ledgerEpoch ? .fenced : .wentBack
    }
}
