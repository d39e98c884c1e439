// Commits a prepared intent to its table: observes the table, decides and acts, until the intent is settled.
//
// The caller makes the intent durable before `finish` uploads the first file. Before every try `finish` looks for the
// commit id in the table's history. It never treats an unknown outcome as a failure, but checks the table again. Files
// of a try that certainly failed are removed. Files of an uncertain try are orphans until a later commit has settled.

import Tables
import TableScan
import Base
import Foundation
import Iceberg
import Log
import ObjectStorage
import State

/// Commits intents of one table.
struct Committer {
    package let session: TableSession
    package let warehouse: Warehouse
    package let settings: ExportSettings
    package let store: SharedStore
    package let environment: WriterEnvironment
    private static let mostTries = 8

    /// Commits and settles an intent, whatever step an earlier process reached.
    /// - Returns: the size of the delete files that the applied try wrote, in bytes; 0 when an earlier call made it.
    /// - Throws: `TableError`, `CatalogError`, `ObjectStorageError` or `SQLiteError` when the commit cannot be finished
    ///   now. The intent stays, except after `TableError.spoolFileMissing`, and the next call continues with it.
    @discardableResult
    package func finish(_ intent: Intent) async throws -> Int64 {
        let files = intent.files
        let step = intent.stepName
        var isUploaded = false
        var failed = FailedTry()
        for attempt in 1...Self.mostTries {
            let table = try await session.open()
            let ledgerEpoch = try store.with { try $0.epoch(of: intent.table) }
            let observation = TableObservation(
                found: table.metadata.findCommit(Mark.commit(intent.commitID)), tableEpoch: table.epoch,
                ledgerEpoch: ledgerEpoch)
            switch CommitDecision.decide(observation) {
            case .settle(let snapshot):
                try await settle(intent, files, snapshot, table)
                return 0
            case .fenced:
                throw TableError.fenced(table: intent.tableName, tableEpoch: table.epoch, ours: ledgerEpoch)
            case .wentBack:
                throw TableError.wentBack(table: intent.tableName, tableEpoch: table.epoch, ours: ledgerEpoch)
            case .commit: await removeRefused(failed, table)
            }
            if let reason = try await obstacle(to: intent, files, table) {
                try abandon(intent, files, reason)
                return 0
            }
            if !isUploaded {
                do {
                    try await upload(files, intent, table)
                } catch let error as TableError where error.isSpoolFileMissing {
                    try withdraw(intent, files)
                    throw error
                }
                isUploaded = true
                environment.failPoint("\(step).uploaded")
            }
            switch try await attemptCommit(intent, files, table, step) {
            case .settled(let snapshot, let written, let deleteBytes):
                try store.with { try $0.forgetOrphans(written) }
                try await settle(intent, files, snapshot, table)
                return deleteBytes
            case .again(let now):
                failed = now
                environment.log.info(
                    "table \(intent.tableName): \(failed.reason); checking the table and trying again",
                    metadata: intent.facts)
                try await environment.pause(.milliseconds(min(1000, 25 << attempt)))
            }
        }
        if failed.isUnknown { throw TableError.unknownOutcome(table: intent.tableName, reason: failed.reason) }
        throw TableError.contended(table: intent.tableName, tries: Self.mostTries, reason: failed.reason)
    }

    /// A try whose outcome only the table shows.
    private struct FailedTry {
        var reason = ""
        /// The request may still be under way.
        var isUnknown = false
        /// Locations of the manifests, manifest list and delete files written for it.
        var written: [String] = []
    }

    private enum Attempt {
        case settled(Snapshot, written: [String], deleteBytes: Int64)
        case again(FailedTry)
    }

    /// One try on top of the loaded table.
    private func attemptCommit(
        _ intent: Intent, _ files: CommitFiles, _ table: TableSession.Open, _ step: String
    ) async throws -> Attempt {
        let identity = environment.identity()
        try noteOthers(intent, table)
        var change = try changeSet(intent, files, table)
        var written: [String] = []
        var deleteBytes: Int64 = 0
        // A try's files are orphans until the commit has settled, because the process may end at any time.
        let announce = { (paths: [String]) in
            let now = environment.nowMilliseconds()
            try store.with { try $0.addOrphans(paths, of: intent.table, now: now) }
            written += paths
        }
        if intent.table == .counts, !intent.isRewrite {
            let stale = try StaleRows.staged(store.path)
            guard stale.count == intent.rowsDeleted else {
                throw TableError.otherRowsStaged(
                    table: intent.tableName, staged: stale.count, prepared: intent.rowsDeleted)
            }
            let writer = DeleteWriter(
                io: table.io, metadata: table.metadata, tableName: intent.tableName, deletes: deletes(table))
            let name = "\(intent.commitID)-\(identity.uuid)"
            deleteBytes = try await writer.add(stale, to: &change, name: name, announce: announce)
            environment.failPoint("\(step).deleted")
        }
        let plan = try await table.io.stage(
            change, on: table.metadata, identity: identity, policy: settings.maintenance.manifestPolicy,
            announce: announce)
        environment.failPoint("\(step).staged")
        switch await session.catalog.commit(
            session.identifier, requirements: plan.requirements, updates: plan.updates)
        {
        case .committed(let answer):
            environment.failPoint("\(step).committed")
            let reason = "the catalog took a commit, but its answer does not show it"
            guard answer?.metadata.snapshot(plan.snapshot.id) != nil else {
                return .again(FailedTry(reason: reason, isUnknown: true, written: written))
            }
            return .settled(plan.snapshot, written: written, deleteBytes: deleteBytes)
        case .conflict(let reason): return .again(FailedTry(reason: reason, isUnknown: false, written: written))
        case .unknown(let reason):
            let text = "the outcome of a commit is not known (\(reason))"
            return .again(FailedTry(reason: text, isUnknown: true, written: written))
        case .failed(let error):
            await remove(written, table)
            throw error
        }
    }

    /// Removes the files of a refused try, after the table has shown that it was not applied. A conflict alone does not
    /// show it: a proxy that repeats an applied request also answers with a conflict.
    private func removeRefused(_ failed: FailedTry, _ table: TableSession.Open) async {
        if !failed.isUnknown { await remove(failed.written, table) }
    }

    private func remove(_ written: [String], _ table: TableSession.Open) async {
        guard !written.isEmpty else { return }
        do {
            try await table.io.files.delete(written)
            try store.with { try $0.forgetOrphans(written) }
        } catch {
            environment.log.debug("files of a refused commit stay for now: \(error)")
        }
    }

    private func changeSet(_ intent: Intent, _ files: CommitFiles, _ table: TableSession.Open) throws -> ChangeSet {
        let (kind, metadata, name) = (intent.table, table.metadata, intent.tableName)
        var change = ChangeSet()
        change.addedDataFiles = try files.data.map { try $0.dataFile(kind, in: metadata, table: name) }
        change.summary = files.summary
        if let rewritten = intent.rewritten {
            change.operation = .replace
            change.removedDataFiles = Set(rewritten.replaced)
            change.removedDeleteFiles = Set(rewritten.replacedDeletes.map(\.key))
            change.dataSequenceNumber = rewritten.sequenceNumber
        }
        Mark.commit(intent.commitID).stamp(&change, on: table.metadata)
        change.properties[Mark.stateID] = try store.with { try $0.stateID() ?? "" }
        change.properties[Mark.epoch] = "\(intent.epoch)"
        return change
    }

    /// Records the first commit of another writer. From then on rows may not be where the ledger has them.
    private func noteOthers(_ intent: Intent, _ table: TableSession.Open) throws {
        let kind = intent.table
        let (last, isNoted) = try store.with { (try $0.lastSnapshot(of: kind), try $0.hasForeignCommits(kind)) }
        guard !isNoted, table.metadata.currentSnapshotID != last else { return }
        try store.with { try $0.noteForeignCommits(kind) }
    }

    /// Checks that rows are live at their positions.
    /// - Throws: `TableError.rewritten`, `TableError.rowsMoved`.
    package func check(_ rows: StaleRows, _ table: TableSession.Open) async throws {
        guard !rows.isEmpty else { return }
        let live = try await table.io.scan(table.metadata.currentSnapshot, of: table.metadata)
        _ = try await rows.located(in: live, deletes(table), table: session.identifier.description)
    }

    private func deletes(_ table: TableSession.Open) -> DeleteReader {
        DeleteReader(
            FileFetcher(
                files: table.io.files, folder: settings.spoolFolder, uniqueName: environment.uniqueName))
    }

    // MARK: Files

    private func upload(_ files: CommitFiles, _ intent: Intent, _ table: TableSession.Open) async throws {
        for upload in files.data {
            let (target, key) = try table.io.files.resolve(upload.location)
            try await setAsideIfDamaged(upload.name, upload.metrics.bytes, upload.metrics.checksum, intent)
            try await send(upload.name, to: target, key, intent)
            environment.failPoint("\(intent.stepName).uploading")
        }
        for upload in files.plain {
            let key = try warehouse.root.key(forLocation: upload.location)
            try await setAsideIfDamaged(upload.name, upload.bytes, upload.checksum, intent)
            try await send(upload.name, to: warehouse.root.store, key, intent)
        }
    }

    /// Sets a file with another size or checksum aside. It is missing from then on, and its rows are made again.
    private func setAsideIfDamaged(
        _ name: String, _ bytes: Int64?, _ checksum: UInt32?, _ intent: Intent
    ) async throws {
        let path = "\(settings.spoolFolder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { return }
        let defect = try await BlockingWork.run {
            try SpoolCheck.defect(ofFile: path, bytes: bytes, checksum: checksum)
        }
        guard let defect else { return }
        environment.log.error("\(SpoolCheck.report(path, defect, intent.tableName))", metadata: intent.facts)
        SpoolCheck.setAside(name, in: settings.spoolFolder)
    }

    private func send(_ name: String, to target: any ObjectStore, _ key: String, _ intent: Intent) async throws {
        let path = "\(settings.spoolFolder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else {
            // An earlier call may have uploaded and removed it.
            if try await target.exists(key) { return }
            throw TableError.spoolFileMissing(path: path, table: intent.tableName)
        }
        _ = try await target.put(key, .file(path: path), condition: .none)
    }

    // MARK: Settle

    private func settle(
        _ intent: Intent, _ files: CommitFiles, _ snapshot: Snapshot?, _ table: TableSession.Open
    ) async throws {
        let now = environment.nowMilliseconds()
        let snapshotID = snapshot?.id
        if intent.isRewrite { try moveRows(intent) }
        // The summaries' totals do not cover all ways in which rows of the counts table are deleted.
        let rows = intent.table == .raw ? snapshot?.totalRecords : nil
        try store.with { store in
            try forgetWinner(store, intent.table, snapshotID: snapshotID, table, now: now)
            // Delete files of an intent of an earlier version, unless that version's own try was applied.
            try store.addOrphans(files.deletes.map(\.location), of: intent.table, now: now)
            try store.settle(
                intent, snapshotID: snapshotID, tableRows: rows, now: now)
        }
        environment.failPoint("\(intent.stepName).settled")
        for upload in files.uploads { SpoolFile.remove("\(settings.spoolFolder)/\(upload.name)") }
        let what = intent.isRewrite ? "rewrote" : "exported generation \(intent.generation) to"
        environment.log.info(
            """
            \(what) \(intent.tableName): \(intent.rowsAdded) rows added, \(intent.rowsDeleted) deleted, \
            snapshot \(snapshotID.map(String.init) ?? "expired")
            """, metadata: intent.facts.merging(snapshotID.map { ["snapshot": .stringConvertible($0)] } ?? [:]) { $1 })
    }

    /// Removes the applied try's files from the orphans. Files of the other uncertain tries stay orphans.
    private func forgetWinner(
        _ store: Store, _ kind: ExportTable, snapshotID: Int64?, _ table: TableSession.Open, now: Int64
    ) throws {
        let orphans = try store.orphans(of: kind, before: now + 1)
        guard !orphans.isEmpty else { return }
        guard let list = snapshotID.flatMap({ table.metadata.snapshot($0)?.manifestList }) else {
            // Either this very try was applied, and `finish` has forgotten its files. Or the snapshot has expired, and
            // nothing shows which try was applied: all files stay.
            if snapshotID == nil { try store.forgetOrphans(orphans) }
            return
        }
        // The names of all files of a try contain its UUID.
        let uuid = list.split(separator: "/").last?.dropLast(".avro".count).suffix(36) ?? ""
        try store.forgetOrphans(orphans.filter { !uuid.isEmpty && $0.contains(uuid) })
    }
}
