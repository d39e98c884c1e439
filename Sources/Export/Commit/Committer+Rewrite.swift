// What is particular to committing a rewrite: it can be given up, since it exports nothing, and its rows move piece by piece.

import Tables
import Base
import Foundation
import Iceberg
package import Log
import ObjectStorage
import State

extension Committer {
    /// Rows moved in one transaction.
    private static let movesPerStep = 4000

    /// Why a rewrite cannot be committed to the table as it is now; nil for none, and for anything that is not a rewrite.
    ///
    /// Whatever is answered, no earlier try can be applied any more: either the table has moved on to another snapshot than
    /// the one that every try requires, or there was none, since not all files were sent.
    package func obstacle(to intent: Intent, _ files: CommitFiles, _ table: TableSession.Open) async throws -> String? {
        guard let rewritten = intent.rewritten else { return nil }
        if table.metadata.currentSnapshotID != rewritten.readSnapshot {
            let live = try await table.io.scan(table.metadata.currentSnapshot, of: table.metadata)
            if let change = RewriteCheck.change(rewritten, live) { return change }
        }
        for upload in files.data where !FileManager.default.fileExists(atPath: "\(settings.spoolFolder)/\(upload.name)")
        {
            if try await !table.io.files.exists(upload.location) { return "the local file \(upload.name) is gone" }
        }
        return nil
    }

    /// Gives up a rewrite; what it would have replaced stays.
    package func abandon(_ intent: Intent, _ files: CommitFiles, _ reason: String) throws {
        environment.log.info("table \(intent.tableName): a rewrite is given up: \(reason)", metadata: intent.facts)
        let now = environment.nowMilliseconds()
        try store.with { try $0.abandon(intent, now: now) }
        for upload in files.uploads { SpoolFile.remove("\(settings.spoolFolder)/\(upload.name)") }
    }

    /// Brings the ledger's rows to where the rewrite put them, in steps between which counting gets its turn. Doing it again
    /// after a crash changes nothing.
    func moveRows(_ intent: Intent) throws {
        guard intent.table == .counts else { return }
        var last: RowKey?
        while let next = try store.with({ try $0.moveExported(after: last, limit: Self.movesPerStep) }) { last = next }
        environment.failPoint("\(intent.stepName).moved")
    }
}

extension Intent {
    /// How the names of its fail points begin.
    var stepName: String { isRewrite ? "\(table.rawValue).rewrite" : table.rawValue }

    /// What a log line about it is about. Offsets are those that it brings, `[from, to)` by partition.
    package var facts: Logger.Metadata {
        var facts: Logger.Metadata = [
            "table": "\(tableName)", "generation": .stringConvertible(generation), "commit": "\(commitID)",
            "rows_added": .stringConvertible(rowsAdded), "rows_deleted": .stringConvertible(rowsDeleted),
        ]
        guard !offsets.isEmpty else { return facts }
        var spans: Logger.Metadata = [:]
        for (partition, span) in offsets {
            spans["\(partition)"] = .array([.stringConvertible(span.from), .stringConvertible(span.to)])
        }
        facts["offsets"] = .dictionary(spans)
        return facts
    }
}

/// Whether a rewrite still fits its table; pure.
enum RewriteCheck {
    /// What changed about the replaced files since they were read; nil when nothing did.
    package static func change(_ files: RewrittenFiles, _ live: [ScanTask]) -> String? {
        let tasks = Dictionary(live.map { ($0.file.path, $0) }) { first, _ in first }
        for path in files.replaced {
            guard let task = tasks[path] else { return "another writer removed \(path)" }
            guard DeleteName.all(of: task) == files.deletesRead[path] ?? [] else {
                return "another writer deleted rows of \(path)"
            }
        }
        return nil
    }
}
