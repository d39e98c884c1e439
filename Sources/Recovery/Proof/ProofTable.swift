// A table as a proof compares it: at one snapshot, with the offsets of its history.

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
    /// The snapshot to compare; nil when the table has none.
    package let snapshot: Snapshot?
    /// The snapshot is the one that the state's ledger describes, or a later one of another writer.
    let isSettled: Bool
    /// A rewrite is in the table, and the ledger's rows are being moved: some have their old, some their new positions.
    var isBeingRewritten = false
    /// The state was restored, and the table counts offsets that it has not consumed again yet.
    var isAhead = false

    package var metadata: TableMetadata { open.metadata }

    /// The snapshot and its ancestors, newest first.
    package var history: [Snapshot] { metadata.ancestors(of: snapshot?.id) }

    /// The generation of the state in the snapshot; 0 when no snapshot of this program records it.
    package var generation: Generation { history.lazy.filter(\.isOurs).compactMap(\.generation).first ?? 0 }
}

/// Chooses the snapshot to compare with the ledger: the last settled one, or the last of the foreign commits that
/// directly follow it. Commits of this state after the state was read are excluded.
enum SnapshotChoice {
    /// - Parameter history: the ancestors of the current snapshot, newest first.
    /// - Returns: nil when the settled commit is not in the history.
    package static func choose(history: [Snapshot], settled: Int64?, generation: Generation) -> Snapshot? {
        let isSettled: (Snapshot) -> Bool = { snapshot in
            if let settled, history.contains(where: { $0.id == settled }) { return snapshot.id == settled }
            // The settled snapshot has expired or is not known: choose the one with its generation.
            return snapshot.isOurs && snapshot.generation == generation
        }
        guard let index = history.firstIndex(where: isSettled) else { return nil }
        return history[0..<index].reversed().prefix { !$0.isOurs }.last ?? history[index]
    }
}
