// A table as a proof compares it: which snapshot, and what its history says of offsets.

package import Tables
package import Base
import Foundation
package import Iceberg
import ObjectStorage
package import State

/// One table at one snapshot.
package struct ProofTable {
    package let kind: ExportTable
    package let name: String
    package let open: TableSession.Open
    /// The snapshot that is compared; nil: the table has none.
    package let snapshot: Snapshot?
    /// The snapshot is what the state's ledger describes, or came after it from somebody else.
    let isSettled: Bool
    /// A rewrite is in the table and its rows are being moved in the ledger: some are where they were, some where they are now.
    var isBeingRewritten = false
    /// A restored state: the table counts offsets that the state has not read again yet.
    var isAhead = false

    package var metadata: TableMetadata { open.metadata }

    /// The snapshot and those before it, newest first.
    package var history: [Snapshot] { metadata.ancestors(of: snapshot?.id) }

    /// The state's generation that the snapshot holds; 0 when no snapshot of ours tells.
    package var generation: Generation { history.lazy.filter(\.isOurs).compactMap(\.generation).first ?? 0 }
}

/// Which snapshot is compared with a ledger whose last settled commit is known: the newest one with nothing but foreign
/// commits after it. Commits of ours that came after the state was read are excluded.
enum SnapshotChoice {
    /// - Parameter history: the ancestors of the current snapshot, newest first.
    /// - Returns: nil when the settled commit is not in the history.
    package static func choose(history: [Snapshot], settled: Int64?, generation: Generation) -> Snapshot? {
        let isSettled: (Snapshot) -> Bool = { snapshot in
            if let settled, history.contains(where: { $0.id == settled }) { return snapshot.id == settled }
            // The settled snapshot has expired, or is not known: the one that holds its generation.
            return snapshot.isOurs && snapshot.generation == generation
        }
        guard let index = history.firstIndex(where: isSettled) else { return nil }
        return history[0..<index].reversed().prefix { !$0.isOurs }.last ?? history[index]
    }
}
