// A table as a proof compares it: which snapshot, and what its history says of offsets.

import Base
import Foundation
import HTTP
import Iceberg
import ObjectStorage
import SQLite
import Store

/// One table at one snapshot.
struct ProofTable {
    let kind: ExportTable
    let name: String
    let open: TableSession.Open
    /// The snapshot that is compared; nil: the table has none.
    let snapshot: Snapshot?
    /// The snapshot is what the state's ledger describes, or came after it from somebody else.
    let isSettled: Bool
    /// A restored state: the table counts offsets that the state has not read again yet.
    var isAhead = false

    var metadata: TableMetadata { open.metadata }

    /// The snapshot and those before it, newest first.
    var history: [Snapshot] { metadata.ancestors(of: snapshot?.id) }

    /// The state's generation that the snapshot holds; 0 when no snapshot of ours tells.
    var generation: Int64 { history.lazy.filter(\.isOurs).compactMap(\.generation).first ?? 0 }
}

extension Snapshot {
    /// This program made it.
    var isOurs: Bool { summary[Mark.commitID] != nil }

    /// The state's generation that it holds.
    var generation: Int64? { summary[Mark.generation].flatMap { Int64($0) } }

    /// The offsets that its commit added, by partition.
    var addedOffsets: [Int32: OffsetSpan]? {
        guard let text = summary[Mark.offsets],
            let spans = try? JSONDecoder().decode([String: [Int64]].self, from: Data(text.utf8))
        else { return nil }
        var offsets: [Int32: OffsetSpan] = [:]
        for (key, span) in spans {
            guard let partition = Int32(key), partition >= 0, span.count == 2, span.allSatisfy(Plausible.count.contains)
            else { return nil }
            offsets[partition] = OffsetSpan(from: span[0], to: span[1])
        }
        return offsets
    }

    /// Milliseconds since the Unix epoch, by partition; none where nothing was read yet.
    var partitionWatermarks: [Int32: Int64] {
        guard let text = summary[Mark.watermarks],
            let values = try? JSONDecoder().decode([String: Int64].self, from: Data(text.utf8))
        else { return [:] }
        return Dictionary(values.compactMap { key, value in Int32(key).map { ($0, value) } }) { first, _ in first }
    }
}

extension [Snapshot] {
    /// How far a history (newest first) has come, by partition.
    var ends: [Int32: Int64] {
        var ends: [Int32: Int64] = [:]
        for snapshot in self {
            for (partition, span) in snapshot.addedOffsets ?? [:] where ends[partition] == nil {
                ends[partition] = span.to
            }
        }
        return ends
    }

    /// Where a history begins, by partition, as far as it is still there.
    var starts: [Int32: Int64] {
        var starts: [Int32: Int64] = [:]
        for snapshot in self {
            for (partition, span) in snapshot.addedOffsets ?? [:] {
                starts[partition] = Swift.min(starts[partition] ?? span.from, span.from)
            }
        }
        return starts
    }

    /// How many late events the counts have, as our newest snapshot says; nil where it does not.
    var backfilled: Int64? { first(where: \.isOurs)?.summary[Mark.backfilled].flatMap { Int64($0) } }

    /// Its first commit is still there.
    var isWhole: Bool { last.map { $0.parentID == nil } ?? true }
}

/// Which snapshot is compared with a ledger whose last settled commit is known: the newest one with nothing but foreign
/// commits after it. Commits of ours that came after the state was read are excluded.
enum SnapshotChoice {
    /// - Parameter history: the ancestors of the current snapshot, newest first.
    /// - Returns: nil when the settled commit is not in the history.
    static func choose(history: [Snapshot], settled: Int64?, generation: Int64) -> Snapshot? {
        let isSettled: (Snapshot) -> Bool = { snapshot in
            if let settled, history.contains(where: { $0.id == settled }) { return snapshot.id == settled }
            // The settled snapshot has expired, or is not known: the one that holds its generation.
            return snapshot.isOurs && snapshot.generation == generation
        }
        guard let index = history.firstIndex(where: isSettled) else { return nil }
        return history[0..<index].reversed().prefix { !$0.isOurs }.last ?? history[index]
    }
}

/// Whether an error says that a table is damaged, not that it cannot be reached.
enum Damage {
    /// The error is about the table's files, not about the way to them.
    static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case is TableReadError, is IcebergError: true
        case let error as ObjectStorageError: error.kind == .notFound || error.kind == .invalid
        case is SpoolError, is CancellationError, is CatalogError, is ExportError, is StoreError: false
        case is SQLiteError, is HTTPError: false
        default: true
        }
    }
}
