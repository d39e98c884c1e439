// The export ledger: prepared and past commits of a table, and the location of each exported row.
//
// A commit has three steps. `prepare` makes the intent and its staged row locations durable before the exporter sends
// anything. The exporter commits. `settle` applies the locations, advances the progress and removes the intent.
//
// Invariants: a table has at most one intent (the primary key of `intent`); staged rows belong to the counts table's
// intent and are removed with it; `exported` has the locations of the table's live rows as of `export_progress`, which
// never goes back; a file of a commit that did not happen stays an orphan until a later commit has excluded that one.

package import Base
import SQLite

/// The two tables that are exported.
package enum ExportTable: String, Codable, CaseIterable, Sendable {
    /// Counts per postcode and window.
    case counts
    /// Raw events.
    case raw
}

/// The export progress of a table.
package struct ExportProgress: Equatable, Sendable {
    /// The state's generation; 0 before the first export.
    package var generation: Generation
    /// The end (exclusive) of the exported offsets, by partition.
    package var offsets: [PartitionID: KafkaOffset]

    /// Progress from its parts.
    package init(generation: Generation, offsets: [PartitionID: KafkaOffset]) {
        self.generation = generation
        self.offsets = offsets
    }
}

/// A table as this state left it. The exporter compares it with the table before every commit, because other writers
/// may have rolled the table back, replaced the last commit, or moved rows.
package struct LedgerPosition: Equatable, Sendable {
    /// The table's writer epoch after the last settled commit; 0 before the first.
    package var epoch: Int64 = 0
    /// The id of the last settled commit, or of the newest commit in the table from which the state was restored; nil
    /// where all had expired then, and in a state of an older version.
    package var commitID: String?
    /// The snapshot of the last settled commit, or the one from which the state was restored; nil before.
    package var snapshotID: Int64?
    /// The export progress.
    package var progress = ExportProgress(generation: 0, offsets: [:])
    /// The number of rows in the table after the last settled commit; nil when it is not known.
    package var rows: Int64?
    /// The id of the open intent's commit; nil without one.
    package var openCommitID: String?

    /// The position before the first export.
    package init() {}
}

extension Store {
    /// Records an intent durably, together with all earlier transactions.
    /// - Returns: false when nothing was recorded because one of the intent's segments was dropped meanwhile.
    /// - Throws: `SQLiteError`, also when the table has an open intent, or `StoreError`.
    @discardableResult
    package func prepare(_ intent: Intent) throws -> Bool {
        precondition(!intent.isRewrite || intent.offsets.isEmpty, "a rewrite exports nothing")
        return try durably {
            guard try hasSegments(intent.segments) else { return false }
            try insert(intent)
            return true
        }
    }

    /// Settles a committed intent: applies row locations, advances the progress, removes exported segments.
    /// - Parameters:
    ///   - intent: the intent. For a rewrite, `moveExported` must have moved all rows.
    ///   - snapshotID: the snapshot of the commit; nil when it is no longer known.
    ///   - tableRows: the number of rows in that snapshot; nil when it is not known.
    ///   - now: the wall clock, in milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError` or `StoreError`; nothing was changed then, and the call can be repeated.
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
        assert(intent.generation >= progress.generation, "a table's progress never goes back")
        progress.generation = intent.generation
        for (partition, span) in intent.offsets { progress.offsets[partition] = span.to }
        try setExportProgress(of: intent.table, to: progress)
    }

    /// Abandons an intent that is not in the table's history. Its files become orphans: until another commit succeeds,
    /// a request that is still in flight could make them part of the table.
    /// - Parameters:
    ///   - kept: locations that a later commit will use again, which do not become orphans.
    ///   - now: the wall clock, in milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError` or `StoreError`.
    package func abandon(_ intent: Intent, keeping kept: Set<String> = [], now: Int64) throws {
        try transaction {
            let locations = intent.files.uploads.map(\.location).filter { !kept.contains($0) }
            try addOrphans(locations, of: intent.table, now: now)
            if intent.table == .counts { try clearStaged() }
            try closeIntent(intent, state: "abandoned", snapshotID: nil, committedAt: nil)
        }
    }
}
