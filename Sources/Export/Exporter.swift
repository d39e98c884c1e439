// Exports the changes of a state in cycles. For each table, raw events first, it finishes an open commit of an earlier
// process and then prepares new ones.
//
// One task uses it. Counting waits for it only during one short transaction of the store. A failed export leaves its
// intent, and the next cycle continues with it.

package import Tables
import TableScan
import Base
import Foundation
import Iceberg
package import Log
import ObjectStorage
package import State

/// The exporter of one state to one warehouse. Used by one task.
package final class Exporter {
    package let settings: ExportSettings
    package let store: SharedStore
    package let environment: WriterEnvironment
    let sessions: [ExportTable: TableSession]
    /// The snapshot after which each table was last maintained by this process.
    var maintained: [ExportTable: Int64] = [:]
    package let warehouse: Warehouse
    private var isTidy = false
    var isStoreChecked = false
    /// The table and the open commit of a cycle's last failure; fields for log lines.
    package private(set) var failureFacts: Logger.Metadata = [:]
    private var isBehindSaid = false
    /// Maximum number of segments in one commit.
    private static let segmentsPerCommit = 200

    /// An exporter. It reads and writes nothing before the first cycle.
    package init(
        settings: ExportSettings, store: SharedStore, warehouse: Warehouse, environment: WriterEnvironment
    ) {
        self.settings = settings
        self.store = store
        self.warehouse = warehouse
        self.environment = environment
        var sessions: [ExportTable: TableSession] = [:]
        for table in ExportTable.allCases {
            sessions[table] = TableSession(kind: table, warehouse: warehouse, settings: settings.tables, store: store)
        }
        self.sessions = sessions
    }

    /// Exports everything that has changed, then does the maintenance that is due.
    /// - Parameter mayMaintain: called before and during maintenance; when it returns false, maintenance ends at the
    ///   next safe point.
    /// - Throws: the first failure of an export, after both tables were tried.
    package func cycle(mayMaintain: @escaping @Sendable () -> Bool = { true }) async throws {
        try tidy()
        try await checkStore()
        var failure: (any Error)?
        for table in [ExportTable.raw, .counts] {
            do {
                try await export(table)
            } catch {
                if failure == nil { (failure, failureFacts) = (error, facts(of: table)) }
            }
        }
        if let failure { throw failure }
        try evict()
        if settings.maintenance.isOn { await maintainAfterCycle(mayMaintain) }
    }

    private func facts(of table: ExportTable) -> Logger.Metadata {
        let open = try? store.with { try $0.intent(of: table) }
        return open?.facts ?? ["table": "\(fullName(of: table))"]
    }

    /// The table's name with its namespace, as in log lines and the ledger.
    package func fullName(of table: ExportTable) -> String {
        sessions[table]?.identifier.description ?? settings.tables.name(of: table)
    }

    /// Evicts old counts from the state, a few windows per transaction, so that flushes do not wait long.
    private func evict() throws {
        guard let retention = settings.retentionMilliseconds else { return }
        let now = environment.nowMilliseconds()
        while try !store.with({ try $0.evict(retention: retention, now: now) }).isDone {}
        environment.failPoint("evicted")
    }

    func committer(_ session: TableSession) -> Committer {
        Committer(session: session, warehouse: warehouse, settings: settings, store: store, environment: environment)
    }

    /// Finishes the commit of a table that an earlier process, or a failed cycle, left open.
    func finishOpen(_ table: ExportTable) async throws {
        guard let session = sessions[table], let open = try store.with({ try $0.intent(of: table) }) else { return }
        try await committer(session).finish(open)
    }

    /// Removes an earlier process's files from the spool unless an intent names them. Leaves segments to their writer.
    /// - Throws: `SQLiteError`; Foundation's error when the folder cannot be created or listed.
    package func tidy() throws {
        guard !isTidy else { return }
        let open = try store.with { store in try ExportTable.allCases.compactMap { try store.intent(of: $0) } }
        let keep = Set(open.flatMap { $0.files.uploads.map(\.name) })
        try SpoolFile.removeLeftovers(
            in: settings.spoolFolder, prefixes: ["counts-", "deletes-", "rewritten-", FileFetcher.prefix],
            keep: keep)
        isTidy = true
    }

    private func export(_ table: ExportTable) async throws {
        guard let session = sessions[table] else { return }
        let committer = committer(session)
        try await finishOpen(table)
        while let intent = try await prepare(table, session) {
            environment.failPoint("\(table.rawValue).written")
            guard try store.with({ try $0.prepare(intent) }) else { return }
            environment.failPoint("\(table.rawValue).prepared")
            let bytes = try sizeOfFiles(of: intent)
            let begin = ContinuousClock.now
            let deleteBytes = try await committer.finish(intent)
            environment.committed(intent.commitID, bytes + deleteBytes, ContinuousClock.now - begin)
            guard table == .raw else { return }
        }
    }

    private func sizeOfFiles(of intent: Intent) throws -> Int64 {
        intent.files.uploads.reduce(0) { sum, upload in
            let facts = try? FileManager.default.attributesOfItem(atPath: settings.spoolFolder + "/" + upload.name)
            return sum + ((facts?[.size] as? NSNumber)?.int64Value ?? 0)
        }
    }

    /// The next intent of a table; nil when there is nothing to export; the warehouse is not accessed then.
    private func prepare(_ table: ExportTable, _ session: TableSession) async throws -> Intent? {
        switch table {
        case .raw:
            let segments = try WaitingSegments.complete(
                store, in: settings, limit: Self.segmentsPerCommit, session.identifier, environment.log)
            guard !segments.isEmpty else { return nil }
            let (generation, progress) = try store.with { ($0.generation, try $0.exportProgress(of: .raw)) }
            return try RawPreparation.intent(
                try context(session, try await session.open()), segments: segments, progress: progress.offsets,
                generation: generation,
                jsonRoot: warehouse.root.location.description)
        case .counts:
            let (generation, exported) = try store.with {
                ($0.generation, try $0.exportProgress(of: .counts).generation)
            }
            guard generation > exported else { return nil }
            let context = try context(session, try await session.open())
            return try isLevel(context) ? try CountsPreparation(context).run() : nil
        }
    }

    /// Whether the state has consumed everything that the counts table counts. After a restore its counts are at first
    /// lower than the table's, and they stay lower if Kafka no longer has the records.
    private func isLevel(_ context: PreparationContext) throws -> Bool {
        let ends = context.metadata.ancestors(of: context.metadata.currentSnapshotID).ends
        let partitions = try store.with { try $0.progress().partitions }
        guard let behind = partitions.first(where: { $0.nextOffset < ends[$0.partition] ?? 0 }) else { return true }
        if !isBehindSaid {
            environment.log.warning(
                """
                table \(context.tableName) counts partition \(behind.partition) up to offset \
                \(ends[behind.partition] ?? 0), the restored state up to \(behind.nextOffset): counts are exported \
                when the rest was read again
                """)
        }
        isBehindSaid = true
        return false
    }

    private func context(_ session: TableSession, _ table: TableSession.Open) throws -> PreparationContext {
        let epoch = try checkedEpoch(session, table)
        return PreparationContext(
            settings: settings, store: store, tableName: session.identifier.description, metadata: table.metadata,
            commitID: environment.uniqueName(), epoch: epoch + 1)
    }

    /// The ledger's epoch, which is also the table's.
    /// - Throws: `TableError.fenced` when the table's is higher, `TableError.wentBack` when it is lower.
    func checkedEpoch(_ session: TableSession, _ table: TableSession.Open) throws -> Int64 {
        let kind = session.kind
        let epoch = try store.with { try $0.epoch(of: kind) }
        let name = session.identifier.description
        guard table.epoch <= epoch else {
            throw TableError.fenced(table: name, tableEpoch: table.epoch, ours: epoch)
        }
        guard table.epoch == epoch else {
            throw TableError.wentBack(table: name, tableEpoch: table.epoch, ours: epoch)
        }
        return epoch
    }
}
