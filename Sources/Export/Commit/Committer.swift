// Brings a prepared commit into its table: look, decide, act, until it is settled.
//
// Invariants: the intent was durable before the first file went out; before every try the table's history is asked for
// the commit id; an unknown outcome is checked again, never treated as a failure; files of a try that certainly
// failed are removed, those of an uncertain one become orphans until a later commit has settled.

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

    /// Commits and settles an intent, whatever state an earlier process left it in.
    /// - Throws: when it cannot be finished now; the intent stays and the next call continues with it.
    package func finish(_ intent: Intent) async throws {
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
                return try await settle(intent, files, snapshot, table)
            case .fenced:
                throw TableError.fenced(table: intent.tableName, tableEpoch: table.epoch, ours: ledgerEpoch)
            case .wentBack:
                throw TableError.wentBack(table: intent.tableName, tableEpoch: table.epoch, ours: ledgerEpoch)
            case .commit: await removeRefused(failed, table)
            }
            if let reason = try await obstacle(to: intent, files, table) { return try abandon(intent, files, reason) }
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
            case .settled(let snapshot, let written):
                try store.with { try $0.forgetOrphans(written) }
                return try await settle(intent, files, snapshot, table)
            case .again(let now):
                failed = now
                environment.log.info(
                    "table \(intent.tableName): \(failed.reason); looking and trying again", metadata: intent.facts)
                try await environment.pause(.milliseconds(min(1000, 25 << attempt)))
            }
        }
        if failed.isUnknown { throw TableError.unknownOutcome(table: intent.tableName, reason: failed.reason) }
        throw TableError.contended(table: intent.tableName, tries: Self.mostTries, reason: failed.reason)
    }

    /// A try that the table has to be asked about.
    private struct FailedTry {
        var reason = ""
        /// The request may still be on its way.
        var isUnknown = false
        /// Manifests, manifest list and vectors written for it.
        var written: [String] = []
    }

    private enum Attempt {
        case settled(Snapshot, written: [String])
        case again(FailedTry)
    }

    /// One try on top of the table as it was loaded.
    private func attemptCommit(
        _ intent: Intent, _ files: CommitFiles, _ table: TableSession.Open, _ step: String
    ) async throws -> Attempt {
        let identity = environment.identity()
        try noteOthers(intent, table)
        var change = try await changeSet(intent, files, table)
        var written: [String] = []
        // Until the commit has settled, what is written for a try is an orphan: the process may end at any moment.
        let announce = { (paths: [String]) in
            let now = environment.nowMilliseconds()
            try store.with { try $0.addOrphans(paths, of: intent.table, now: now) }
            written += paths
        }
        if intent.table == .counts, !intent.isRewrite, table.metadata.formatVersion >= 3 {
            let writer = VectorWriter(
                io: table.io, metadata: table.metadata, tableName: intent.tableName, deletes: deletes(table))
            let name = "vectors-\(intent.commitID)-\(identity.uuid)"
            try await writer.add(try StaleRows.staged(store.path), to: &change, name: name, announce: announce)
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
            return .settled(plan.snapshot, written: written)
        case .conflict(let reason): return .again(FailedTry(reason: reason, isUnknown: false, written: written))
        case .unknown(let reason):
            let text = "the outcome of a commit is not known (\(reason))"
            return .again(FailedTry(reason: text, isUnknown: true, written: written))
        case .failed(let error):
            await remove(written, table)
            throw error
        }
    }

    /// Removes what a try left that was refused and, as the table shows, not applied. It is not removed before the
    /// table was looked at: a proxy that repeats a request that was applied answers with a conflict.
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

    private func changeSet(
        _ intent: Intent, _ files: CommitFiles, _ table: TableSession.Open
    ) async throws -> ChangeSet {
        let (kind, metadata, name) = (intent.table, table.metadata, intent.tableName)
        var change = ChangeSet()
        change.addedDataFiles = try files.data.map { try $0.dataFile(.data, kind, in: metadata, table: name) }
        if Self.takesPositionDeletes(table) {
            change.addedDeleteFiles = try files.deletes.map {
                try $0.dataFile(.positionDeletes, kind, in: metadata, table: name)
            }
        }
        change.summary = files.summary
        if let rewritten = intent.rewritten {
            change.operation = .replace
            change.removedDataFiles = Set(rewritten.replaced)
            change.removedDeleteFiles = Set(rewritten.replacedDeletes.map(\.key))
            change.dataSequenceNumber = rewritten.sequenceNumber
        } else if !change.addedDeleteFiles.isEmpty {
            try await checkTargets(intent, table)
        }
        Mark.commit(intent.commitID).stamp(&change, on: table.metadata)
        change.properties[Mark.stateID] = try store.with { try $0.stateID() ?? "" }
        change.properties[Mark.epoch] = "\(intent.epoch)"
        return change
    }

    /// What was prepared for a v2 table goes into one that was upgraded meanwhile too: the rows that it deletes are
    /// staged, and become vectors.
    private static func takesPositionDeletes(_ table: TableSession.Open) -> Bool { table.metadata.formatVersion < 3 }

    /// From the first commit of somebody else on, the ledger may not know where its rows are.
    private func noteOthers(_ intent: Intent, _ table: TableSession.Open) throws {
        let kind = intent.table
        let (last, isNoted) = try store.with { (try $0.lastSnapshot(of: kind), try $0.hasForeignCommits(kind)) }
        guard !isNoted, table.metadata.currentSnapshotID != last else { return }
        try store.with { try $0.noteForeignCommits(kind) }
    }

    /// When somebody else committed to the table, the rows that are deleted must still be where the ledger has them.
    private func checkTargets(_ intent: Intent, _ table: TableSession.Open) async throws {
        guard try store.with({ try $0.hasForeignCommits(intent.table) }) else { return }
        try await check(try StaleRows.staged(store.path), table)
    }

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
        for upload in files.data + (Self.takesPositionDeletes(table) ? files.deletes : []) {
            let (target, key) = try table.io.files.resolve(upload.location)
            try setAside(upload.name, unlessOf: upload.metrics.bytes, upload.metrics.checksum, intent)
            try await send(upload.name, to: target, key, intent)
            environment.failPoint("\(intent.stepName).uploading")
        }
        for upload in files.plain {
            let key = try warehouse.root.key(forLocation: upload.location)
            try setAside(upload.name, unlessOf: upload.bytes, upload.checksum, intent)
            try await send(upload.name, to: warehouse.root.store, key, intent)
        }
    }

    /// A file that is not as it was written is as good as missing: its rows are made again.
    private func setAside(_ name: String, unlessOf bytes: Int64?, _ checksum: UInt32?, _ intent: Intent) throws {
        let path = "\(settings.spoolFolder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { return }
        guard let defect = try SpoolCheck.defect(ofFile: path, bytes: bytes, checksum: checksum) else { return }
        environment.log.error(
            """
            table \(intent.tableName): the local file \(path) that waits for export is damaged: \(defect). It is now \
            \(SpoolCheck.prefix)\(name), and its rows are read again; check the disk
            """, metadata: intent.facts)
        SpoolCheck.setAside(name, in: settings.spoolFolder)
    }

    private func send(_ name: String, to target: any ObjectStore, _ key: String, _ intent: Intent) async throws {
        let path = "\(settings.spoolFolder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else {
            // An earlier try may have sent it.
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
        // Rows of the counts table are deleted in several ways, which its summaries do not add up.
        let rows = intent.table == .raw ? snapshot?.summary["total-records"].flatMap { Int64($0) } : nil
        try store.with { store in
            try forgetWinner(store, intent.table, snapshotID: snapshotID, table, now: now)
            if !Self.takesPositionDeletes(table) {
                try store.addOrphans(files.deletes.map(\.location), of: intent.table, now: now)
            }
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

    /// Files of a try whose outcome was not known are orphans, unless that try is the one that was applied after all.
    private func forgetWinner(
        _ store: Store, _ kind: ExportTable, snapshotID: Int64?, _ table: TableSession.Open, now: Int64
    ) throws {
        let orphans = try store.orphans(of: kind, before: now + 1)
        guard !orphans.isEmpty else { return }
        guard let list = snapshotID.flatMap({ table.metadata.snapshot($0)?.manifestList }) else {
            // Applied by this very try, whose files never were orphans; or expired, and then nobody can say which won.
            if snapshotID == nil { try store.forgetOrphans(orphans) }
            return
        }
        // The names of all files of a try end with its UUID, or begin with it.
        let uuid = list.split(separator: "/").last?.dropLast(".avro".count).suffix(36) ?? ""
        try store.forgetOrphans(orphans.filter { !uuid.isEmpty && $0.contains(uuid) })
    }
}
