// The export ledger: what is about to be committed to a table, what was, and where each exported row lies.
//
// A commit goes through prepare (the intent and its staged row positions, durable before anything is sent), commit (the
// exporter's business) and settle (positions take effect, progress moves, the intent goes). Invariants: at most one
// intent a table; staged rows belong to the counts table's intent and mean nothing without it; `exported` says exactly
// where the table's live rows are, as of `export_progress`; a file that was written for a commit that did not happen is
// an orphan until a later commit made sure that it never can.

package import Base
import SQLite

/// The two tables that are exported.
package enum ExportTable: String, Codable, CaseIterable, Sendable {
    /// Counts per postcode and window.
    case counts
    /// Raw events.
    case raw
}

/// How far a table has been brought.
package struct ExportProgress: Equatable, Sendable {
    /// The state's generation; 0 before the first export.
    package var generation: Generation
    /// The end of the offsets exported, by partition.
    package var offsets: [PartitionID: KafkaOffset]

    /// Progress.
    package init(generation: Generation, offsets: [PartitionID: KafkaOffset]) {
        self.generation = generation
        self.offsets = offsets
    }
}

/// A table as this state left it, to be held against the table before every commit: other writers may have set it back,
/// replaced our last commit, or moved our rows.
package struct LedgerPosition: Equatable, Sendable {
    /// The epoch after the last settled commit; 0: nothing was exported.
    package var epoch: Int64 = 0
    /// The id of the last settled commit; nil when it is not known (a state of an older version, or a restored one).
    package var commitID: String?
    /// The snapshot of the last settled commit, or that at which the state was restored.
    package var snapshotID: Int64?
    /// How far the table was brought.
    package var progress = ExportProgress(generation: 0, offsets: [:])
    /// The rows of the table after the last settled commit; nil when it is not known.
    package var rows: Int64?
    /// The id of a commit that was prepared and not settled.
    package var openCommitID: String?

    /// A table that nothing was exported to.
    package init() {}
}

extension Store {
    /// Records an intent, on the disk when this returns. Everything it covers is then on the disk too.
    /// - Returns: false when nothing was recorded, since a segment that it brings was dropped meanwhile.
    /// - Throws: `SQLiteError`; also when the table has an open intent.
    @discardableResult
    package func prepare(_ intent: Intent) throws -> Bool {
        try durably {
            guard try hasSegments(intent.segments) else { return false }
            try insert(intent)
            return true
        }
    }

    /// Makes a committed intent history: locations take effect, progress moves, exported segments are forgotten.
    /// - Parameters:
    ///   - intent: of a rewrite, all rows must have been moved (`moveExported`).
    ///   - snapshotID: the snapshot that holds it, when that is still known.
    ///   - tableRows: the rows of the table in that snapshot, when they are known.
    ///   - now: the wall clock, milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`; nothing was changed then, and it can be called again.
    package func settle(_ intent: Intent, snapshotID: Int64?, tableRows: Int64? = nil, now: Int64) throws {
        try transaction {
            if intent.table == .counts {
                if !intent.isRewrite { try exportStaged() }
                try clearStaged()
                try forgetFiles(intent.rewritten?.replaced ?? [])
            }
            if !intent.isRewrite { try moveProgress(intent) }
            try forgetSegments(intent.segments)
            try setMeta(.epoch(intent.table), to: "\(intent.epoch)")
            try setMeta(.commit(intent.table), to: intent.commitID)
            if let snapshotID { try setMeta(.snapshot(intent.table), to: "\(snapshotID)") }
            if let tableRows { try setMeta(.rows(intent.table), to: "\(tableRows)") }
            try closeIntent(intent, state: "committed", snapshotID: snapshotID, committedAt: now)
        }
    }

    private func moveProgress(_ intent: Intent) throws {
        var progress = try exportProgress(of: intent.table)
        assert(intent.generation >= progress.generation, "a table never goes back")
        progress.generation = intent.generation
        for (partition, span) in intent.offsets { progress.offsets[partition] = span.to }
        try setExportProgress(of: intent.table, to: progress)
    }

    /// Gives up an intent that is not in the table's history. Its files become orphans: a request that is still on its
    /// way could make them part of the table, until another commit has taken its place.
    /// - Parameter kept: those of its files that a later commit will bring under the same names.
    /// - Throws: `SQLiteError`.
    package func abandon(_ intent: Intent, keeping kept: Set<String> = [], now: Int64) throws {
        try transaction {
            let locations = intent.files.uploads.map(\.location).filter { !kept.contains($0) }
            try addOrphans(locations, of: intent.table, now: now)
            if intent.table == .counts { try clearStaged() }
            try closeIntent(intent, state: "abandoned", snapshotID: nil, committedAt: nil)
        }
    }
}
