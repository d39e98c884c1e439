// Maintains one table between its exports: merges files, expires snapshots, removes unreferenced files.
//
// It runs in the exporter's task and only while the table has no open intent (`Store.prepare` refuses a second one), so
// no commit of this state is under way. Every step may be interrupted at any time. A rewrite reads at most about one
// target file, so exports do not wait long.

import Tables
import TableScan
import Iceberg
import Log
import State

/// Maintains one table.
struct Maintainer {
    package let session: TableSession
    let committer: Committer
    package let settings: ExportSettings
    package let store: SharedStore
    package let environment: WriterEnvironment
    /// Does everything that is possible, not only what is worth a commit.
    let isThorough: Bool
    /// Called often; when it returns false, the work ends at the next safe point.
    package let mayGoOn: @Sendable () -> Bool
    /// Receives one line for each thing that was done, or would be.
    package let report: (String) -> Void

    private var table: ExportTable { session.kind }
    private var name: String { session.identifier.description }
    private var expiry: SnapshotExpiry {
        SnapshotExpiry(session: session, settings: settings.maintenance, store: store, environment: environment)
    }

    /// Does the maintenance that is due.
    /// - Parameter rewrites: the maximum number of rewrites.
    /// - Throws: the first failure, or `MaintenanceStopped`. A prepared rewrite stays as the table's open intent.
    package func run(rewrites: Int) async throws {
        for _ in 0..<rewrites where mayGoOn() {
            guard try await rewrite() else { break }
        }
        try await expire()
        try await sweep()
        try forgetDeadFiles()
    }

    // MARK: Rewrites

    private func due(_ table: TableSession.Open) async throws -> (groups: [RewriteGroup], live: [ScanTask]) {
        let live = try await table.io.scan(table.metadata.currentSnapshot, of: table.metadata)
        // A rewrite would lose the values of columns that other writers have added.
        if TableLayout.hasForeignColumns(table.metadata, self.table) { return ([], live) }
        let decision = RewriteDecision(
            settings: settings.maintenance, lastSequenceNumber: table.metadata.lastSequenceNumber,
            table: self.table, isByDay: self.table.isByDay(table.metadata.defaultSpec), isThorough: isThorough)
        return (decision.plan(live.filter { $0.file.specID == table.metadata.defaultSpecID }), live)
    }

    /// - Returns: whether something was rewritten.
    private func rewrite() async throws -> Bool {
        guard let open = try await session.openExisting() else { return false }
        let (groups, live) = try await due(open)
        guard !groups.isEmpty else { return false }
        let (epoch, progress) = try store.with { (try $0.epoch(of: table), try $0.exportProgress(of: table)) }
        guard open.epoch == epoch else { throw TableError.fenced(table: name, tableEpoch: open.epoch, ours: epoch) }
        let context = PreparationContext(
            settings: settings, store: store, tableName: name, metadata: open.metadata,
            commitID: environment.uniqueName(), epoch: epoch + 1)
        let reader = TableReader(
            open.io, open.metadata, spoolFolder: settings.spoolFolder, uniqueName: environment.uniqueName)
        let preparation = RewritePreparation(context, reader, mayGoOn: mayGoOn)
        let intent: Intent
        do {
            intent = try await preparation.run(groups, live: live, table: table, progress: progress)
        } catch {
            preparation.removeLocal()
            throw error
        }
        environment.failPoint("\(table.rawValue).rewrite.written")
        _ = try store.with { try $0.prepare(intent) }
        environment.failPoint("\(table.rawValue).rewrite.prepared")
        try await committer.finish(intent)
        for group in groups { report("\(name): merged \(Self.text(group))") }
        return true
    }

    private static func text(_ group: RewriteGroup) -> String {
        let count = group.tasks.count
        return "\(count) data \(count == 1 ? "file" : "files") of \(DayName.iso(group.day)) "
            + "(\(group.bytes) bytes; \(group.reason))"
    }

    // MARK: Snapshots and files

    private func expirable(_ table: TableSession.Open) -> ExpiryPlan? {
        ExpiryDecision(settings: settings.maintenance, isThorough: isThorough)
            .plan(table.metadata, now: environment.nowMilliseconds())
    }

    private func expire() async throws {
        guard mayGoOn(), let open = try await session.openExisting(),
            let plan = expirable(open)
        else { return }
        guard let removed = try await expiry.expire(plan, open) else { return }
        report("\(name): expired \(plan.expired.count) snapshots, removed \(removed) files")
    }

    private func sweep() async throws {
        guard mayGoOn(), try !expiry.orphans().isEmpty, let open = try await session.openExisting() else { return }
        let removed = try await expiry.sweep(open)
        if removed > 0 { report("\(name): removed \(removed) files that no commit uses") }
    }

    /// Removes files without rows from the ledger's list if it has more than 1000. Finding them reads all exported
    /// rows.
    private func forgetDeadFiles() throws {
        let (count, snapshot) = try store.with { (try $0.fileCount(), try $0.lastSnapshot(of: .counts)) }
        guard table == .counts, mayGoOn(), snapshot != nil, count > 1000 else { return }
        let dead = try StateReader(store.path).deadFiles()
        guard dead.count * 2 > Int(count) else { return }
        try store.with { try $0.forgetFiles(ids: dead) }
        report("\(name): forgot \(dead.count) files without rows")
    }

    // MARK: Dry run

    /// Reports what `run` would do. Changes nothing.
    package func tell() async throws {
        if let intent = try store.with({ try $0.intent(of: table) }) {
            return report("\(name): would first finish the commit \(intent.commitID) that was begun")
        }
        guard let open = try await session.openExisting() else { return report("\(name): not exported yet") }
        for group in try await due(open).groups { report("\(name): would merge \(Self.text(group))") }
        if let plan = expirable(open) {
            let freed = try await open.io.unreferencedFiles(plan, of: open.metadata).all
            report("\(name): would expire \(plan.expired.count) snapshots and remove \(freed.count) files")
        }
        let orphans = try await expiry.removable(try expiry.orphans(), open)
        if !orphans.isEmpty { report("\(name): would remove \(orphans.count) files that no commit uses") }
    }
}
