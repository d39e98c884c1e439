// What to do with a prepared commit: a pure decision from what the table says and what the ledger says.
//
// Every commit of a state raises the table's epoch by one, as a property that is set in the same commit. So the table's
// epoch tells apart "ours was not applied", "ours was applied" and "somebody with our identity was here".

import Iceberg

/// What was seen of a table.
struct TableObservation: Equatable {
    /// Where the intent's commit id was found; nil: nowhere.
    package var found: FoundCommit?
    /// The table's epoch; 0 when it has none.
    package var tableEpoch: Int64
    /// The epoch after this state's last settled commit.
    var ledgerEpoch: Int64
}

/// What to do next.
enum CommitDecision: Equatable {
    /// The commit is in the table.
    case settle(Snapshot?)
    /// The commit is not in the table, and nobody else was: try it.
    case commit
    /// Another process commits as this state.
    case fenced
    /// The table is older than what this state exported to it: it was created again or rolled back.
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
