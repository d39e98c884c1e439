// The steps that only a rewrite's commit has: it can be abandoned, because it exports nothing, and the ledger moves its
// rows in several transactions.

import Tables
import Base
import Foundation
import Iceberg
package import Log
import ObjectStorage
import State

extension Committer {
    /// Number of rows moved in one transaction.
    private static let movesPerStep = 4000

    /// Why a rewrite cannot be committed to the current table; nil when it can, and for any other intent.
    ///
    /// When there is an obstacle, no earlier try can still be applied. Either the table has another snapshot than every
    /// try requires, or no try was made, because not all files were uploaded.
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

    /// Abandons a rewrite. The files that it would have replaced stay.
    package func abandon(_ intent: Intent, _ files: CommitFiles, _ reason: String) throws {
        environment.log.info("table \(intent.tableName): a rewrite is abandoned: \(reason)", metadata: intent.facts)
        let now = environment.nowMilliseconds()
        try store.with { try $0.abandon(intent, now: now) }
        for upload in files.uploads { SpoolFile.remove("\(settings.spoolFolder)/\(upload.name)") }
    }

    /// Moves the ledger's rows to their new positions, in short transactions, so that flushes do not wait long.
    /// Repeating it after a crash changes nothing.
    func moveRows(_ intent: Intent) throws {
        guard intent.table == .counts else { return }
        var last: RowKey?
        while let next = try store.with({ try $0.moveExported(after: last, limit: Self.movesPerStep) }) { last = next }
        environment.failPoint("\(intent.stepName).moved")
    }
}

extension Intent {
    /// Prefix of the names of its fail points.
    var stepName: String { isRewrite ? "\(table.rawValue).rewrite" : table.rawValue }

    /// The fields of a log line about the intent. The offsets are those that it adds, [from, to) by partition.
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

/// Checks that a rewrite still fits its table. Pure.
enum RewriteCheck {
    /// The first change to the replaced files since they were read; nil for none.
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
