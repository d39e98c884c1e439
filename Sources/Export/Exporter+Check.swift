// Checks the tables before anything is counted. Creates nothing, neither in the warehouse nor beside the state.

package import Tables
import Iceberg
import State

extension Exporter {
    /// Checks both tables before anything is counted: their owner, whether they have this state's commits, whether
    /// their columns and partitions can be written, and whether the rows that the next commit replaces have not moved.
    /// Creates nothing.
    /// - Throws: `TableError` for a table that cannot be written; `CatalogError` and `ObjectStorageError` when the
    ///   warehouse cannot be reached.
    package func check() async throws {
        for kind in [ExportTable.counts, .raw] {
            guard let session = sessions[kind], let table = try await session.look() else { continue }
            let (intent, ledger) = try store.with { (try $0.intent(of: kind), try $0.position(of: kind)) }
            let found = intent.flatMap { table.metadata.findCommit(Mark.commit($0.commitID)) }
            // This state's commit is in the table and not settled, so the table's epoch is already higher.
            guard found == nil else { continue }
            _ = try checkedEpoch(session, table)
            guard kind == .counts, ledger.epoch > 0 else { continue }
            let isOthers = try store.with { try $0.hasForeignCommits(kind) }
            guard isOthers || table.metadata.currentSnapshotID != ledger.snapshotID else { continue }
            let rows =
                intent?.isRewrite == false
                ? try StaleRows.staged(store.path)
                : try StaleRows.pending(store.path, since: ledger.progress.generation)
            try await committer(session).check(rows, table)
        }
        try await checkStore()
    }

    /// Checks once that the object store of tables without a catalog supports conditional writes, which exclude a
    /// second writer.
    func checkStore() async throws {
        guard !isStoreChecked else { return }
        try await Self.checkConditions(of: warehouse)
        isStoreChecked = true
    }

    /// The same for a state that does not exist yet: tables of these names must be empty and without an owner.
    /// - Throws: like `check`.
    package static func checkUnbegun(_ settings: ExportSettings, _ warehouse: Warehouse) async throws {
        for kind in [ExportTable.counts, .raw] {
            let identifier = TableIdentifier(namespace: settings.tables.namespace, name: settings.tables.name(of: kind))
            guard let table = try await warehouse.catalog.load(identifier) else { continue }
            try TableSession.checkIdentity(
                table.metadata, kind, name: identifier.description, isNew: true, stateID: "")
        }
        try await checkConditions(of: warehouse)
    }

    private static func checkConditions(of warehouse: Warehouse) async throws {
        do throws(CatalogError) {
            try await warehouse.catalog.checkConditions()
        } catch {
            throw error.kind == .refused ? TableError.unsafeStore(error.description) : error
        }
    }
}
