// Access to one table of the warehouse for the exporter, which reloads the table for every commit. Creates the table
// before the first export, and rejects a table that is not this state's.

package import Iceberg
package import State

/// Access to one table.
package final class TableSession {
    /// Which table.
    package let kind: ExportTable
    /// The table's name in the catalog.
    package let identifier: TableIdentifier
    private let warehouse: Warehouse
    private let settings: TableSettings
    private let store: SharedStore
    /// The cached access to the table's files, and the locations and storage settings for which it was opened.
    private var opened: (places: [String: String], io: TableIO)?

    /// A session that has not loaded the table yet.
    package init(kind: ExportTable, warehouse: Warehouse, settings: TableSettings, store: SharedStore) {
        self.kind = kind
        self.warehouse = warehouse
        self.settings = settings
        self.store = store
        identifier = TableIdentifier(namespace: settings.namespace, name: settings.name(of: kind))
    }

    /// The warehouse's catalog.
    package var catalog: any Catalog { warehouse.catalog }

    /// The loaded table and access to its files.
    package struct Open {
        /// The table's metadata.
        package let metadata: TableMetadata
        /// The location of the metadata; nil when the catalog does not give it.
        package let metadataLocation: String?
        /// Access to the table's files.
        package let io: TableIO

        /// A loaded table from its parts.
        package init(metadata: TableMetadata, metadataLocation: String?, io: TableIO) {
            self.metadata = metadata
            self.metadataLocation = metadataLocation
            self.io = io
        }

        /// The table's writer epoch; 0 before the first commit.
        package var epoch: Int64 { metadata.properties[Mark.epoch].flatMap { Int64($0) } ?? 0 }
    }

    /// Loads the table, or creates it when this state has never exported to it.
    /// - Throws: `CatalogError`, `ObjectStorageError`, `TableError`, `SQLiteError`.
    package func open() async throws -> Open {
        let kind = kind
        let (epoch, hasIntent, stateID) = try store.with { store in
            (try store.epoch(of: kind), try store.intent(of: kind) != nil, try store.stateID() ?? "")
        }
        if let table = try await load() {
            return try checked(table, isNew: epoch == 0 && !hasIntent, stateID: stateID)
        }
        guard epoch == 0, !hasIntent else {
            throw TableError.tableGone(table: identifier.description, catalog: catalog.name)
        }
        if case .created(let table) = try await create(definition(stateID: stateID)) {
            return try checked(table, isNew: true, stateID: stateID)
        }
        // Another process has just created the table, so check that one.
        guard let table = try await load() else {
            throw TableError.tableGone(table: identifier.description, catalog: catalog.name)
        }
        return try checked(table, isNew: true, stateID: stateID)
    }

    /// Loads and checks the table like `open`. Creates nothing.
    /// - Returns: nil when there is no table; `TableError.tableGone` is not thrown.
    /// - Throws: like `open`.
    package func look() async throws -> Open? {
        let kind = kind
        let (ledger, stateID) = try store.with { (try $0.position(of: kind), try $0.stateID() ?? "") }
        guard let table = try await load() else { return nil }
        return try checked(table, isNew: ledger.epoch == 0 && ledger.openCommitID == nil, stateID: stateID)
    }

    /// Loads and checks the table when this state has exported to it and it exists. Creates nothing.
    /// - Returns: nil when there is no such table, or nothing was exported to it.
    /// - Throws: like `open`.
    package func openExisting() async throws -> Open? {
        let kind = kind
        let (epoch, stateID) = try store.with { (try $0.epoch(of: kind), try $0.stateID() ?? "") }
        guard epoch > 0, let table = try await load() else { return nil }
        return try checked(table, isNew: false, stateID: stateID)
    }

    private func load() async throws(CatalogError) -> LoadedTable? {
        do throws(CatalogError) { return try await catalog.load(identifier) } catch { throw named(error) }
    }

    private func create(_ definition: TableDefinition) async throws(CatalogError) -> CreateOutcome {
        do throws(CatalogError) { return try await catalog.create(identifier, definition) } catch { throw named(error) }
    }

    /// The error, with the catalog's name added when its description lacks it.
    private func named(_ error: CatalogError) -> CatalogError {
        error.description.contains(catalog.name)
            ? error : CatalogError(error.kind, "catalog \(catalog.name): \(error.description)")
    }

    private func definition(stateID: String) -> TableDefinition {
        var definition = TableDefinition(
            schema: kind.icebergSchema, spec: kind.partitionSpec,
            properties: [
                Mark.stateID: stateID, "write.metadata.delete-after-commit.enabled": "true",
                "write.metadata.previous-versions-max": "10", "write.parquet.compression-codec": "zstd",
            ], formatVersion: settings.formatVersion)
        if let path = settings.dataPath {
            let folders = (identifier.namespace + [identifier.name]).joined(separator: "/")
            definition.properties["write.data.path"] = "\(path)/\(folders)"
        }
        return definition
    }

    private func checked(_ table: LoadedTable, isNew: Bool, stateID: String) throws -> Open {
        let metadata = table.metadata
        try Self.checkIdentity(metadata, kind, name: identifier.description, isNew: isNew, stateID: stateID)
        let open = Open(metadata: metadata, metadataLocation: table.metadataLocation, io: try io(of: table))
        try checkLineage(open)
        return open
    }

    /// Checks that a table belongs to a state and can be written.
    /// - Parameters:
    ///   - isNew: whether the state has never exported to the table.
    ///   - stateID: the state's id; empty for a state that has none yet.
    /// - Throws: `TableError`.
    package static func checkIdentity(
        _ metadata: TableMetadata, _ kind: ExportTable, name: String, isNew: Bool, stateID: String
    ) throws(TableError) {
        try TableLayout.checkColumns(metadata, kind, name: name)
        let recorded = metadata.properties[Mark.stateID]
        if let recorded, recorded != stateID {
            throw TableError.otherState(
                table: name, recorded: recorded, ours: stateID.isEmpty ? "a new one" : stateID)
        }
        if recorded == nil, isNew, metadata.currentSnapshot != nil { throw TableError.notOurs(table: name) }
        try TableLayout.checkPartitions(metadata, kind, name: name)
    }

    /// Checks that the table was not rolled back and the last commit not replaced. A commit to such a table would
    /// permanently lose what was exported since.
    private func checkLineage(_ table: Open) throws {
        let kind = kind
        let ledger = try store.with { try $0.position(of: kind) }
        switch Lineage.decide(table.metadata.ancestors(of: table.metadata.currentSnapshotID), ledger) {
        case .whole: break
        // The caller decides what a higher epoch means.
        case .replaced where table.epoch > ledger.epoch: break
        case .replaced(let snapshot):
            throw TableError.unknownCommit(table: identifier.description, snapshot: snapshot)
        case .setBack where table.epoch < ledger.epoch:
            throw TableError.wentBack(table: identifier.description, tableEpoch: table.epoch, ours: ledger.epoch)
        case .setBack(let current):
            throw TableError.rolledBack(table: identifier.description, current: current, last: ledger.snapshotID)
        }
    }

    /// Access to the table's files, cached until the catalog gives other credentials or the files' location changes.
    private func io(of table: LoadedTable) throws -> TableIO {
        var places = table.config
        places["location"] = table.metadata.location
        places["write.data.path"] = table.metadata.properties["write.data.path"]
        if let opened, opened.places == places { return opened.io }
        let io = TableIO(files: try warehouse.files(table))
        opened = (places, io)
        return io
    }
}
