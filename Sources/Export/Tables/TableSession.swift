// One table of the warehouse as the exporter uses it: loaded anew for every commit, created when it never was, and
// refused when it is not ours.

internal import Iceberg
internal import Store

/// Access to one table.
final class TableSession {
    let kind: ExportTable
    let identifier: TableIdentifier
    private let warehouse: Warehouse
    private let settings: ExportSettings
    private let store: SharedStore
    /// What is cached of the table's files, for the storage settings that the catalog gave with it.
    private var opened: (config: [String: String], io: TableIO)?

    init(kind: ExportTable, warehouse: Warehouse, settings: ExportSettings, store: SharedStore) {
        self.kind = kind
        self.warehouse = warehouse
        self.settings = settings
        self.store = store
        identifier = TableIdentifier(namespace: settings.namespace, name: settings.name(of: kind))
    }

    var catalog: any Catalog { warehouse.catalog }

    /// A table as it is now, and the way to its files.
    struct Open {
        let metadata: TableMetadata
        /// Where its metadata is stored, as far as the catalog says.
        let metadataLocation: String?
        let io: TableIO
        /// The table's epoch.
        var epoch: Int64 { metadata.properties[Mark.epoch].flatMap { Int64($0) } ?? 0 }
    }

    /// Loads the table, or creates it when this state never exported to it.
    /// - Throws: `CatalogError`, `ObjectStorageError`, `ExportError`, `SQLiteError`.
    func open() async throws -> Open {
        let kind = kind
        let (epoch, hasIntent, stateID) = try store.with { store in
            (try store.epoch(of: kind), try store.intent(of: kind) != nil, try store.meta("state_id") ?? "")
        }
        if let table = try await load() {
            return try checked(table, isNew: epoch == 0 && !hasIntent, stateID: stateID)
        }
        guard epoch == 0, !hasIntent else {
            throw ExportError.tableGone(table: identifier.description, catalog: catalog.name)
        }
        if case .created(let table) = try await create(definition(stateID: stateID)) {
            return try checked(table, isNew: true, stateID: stateID)
        }
        // Somebody created it in this moment: look at what it is.
        guard let table = try await load() else {
            throw ExportError.tableGone(table: identifier.description, catalog: catalog.name)
        }
        return try checked(table, isNew: true, stateID: stateID)
    }

    /// Loads the table when this state has exported to it and it is there; creates nothing.
    /// - Throws: like `open`.
    func openExisting() async throws -> Open? {
        let kind = kind
        let (epoch, stateID) = try store.with { (try $0.epoch(of: kind), try $0.meta("state_id") ?? "") }
        guard epoch > 0, let table = try await load() else { return nil }
        return try checked(table, isNew: false, stateID: stateID)
    }

    private func load() async throws(CatalogError) -> LoadedTable? {
        do throws(CatalogError) { return try await catalog.load(identifier) } catch { throw named(error) }
    }

    private func create(_ definition: TableDefinition) async throws(CatalogError) -> CreateOutcome {
        do throws(CatalogError) { return try await catalog.create(identifier, definition) } catch { throw named(error) }
    }

    /// The error with the catalog's address, where it does not have it.
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
        let name = identifier.description
        let expected = kind.icebergSchema
        guard let schema = metadata.currentSchema, Self.haveSameColumns(schema, expected) else {
            throw ExportError.otherSchema(
                table: name, expected: Self.text(expected), found: metadata.currentSchema.map(Self.text) ?? "none")
        }
        switch metadata.properties[Mark.stateID] {
        case stateID: break
        case let other?: throw ExportError.otherState(table: name, recorded: other, ours: stateID)
        case nil where metadata.currentSnapshot != nil && isNew: throw ExportError.notOurs(table: name)
        case nil: break
        }
        try checkNotRolledBack(metadata)
        return Open(metadata: metadata, metadataLocation: table.metadataLocation, io: try io(of: table))
    }

    /// A table that was set back to an older snapshot keeps its properties, the epoch among them; a commit on top of it would
    /// leave out what was exported since, for good. Where our last snapshot, or one between it and the current one, has expired,
    /// nothing can be told.
    private func checkNotRolledBack(_ metadata: TableMetadata) throws {
        let kind = kind
        guard let id = try store.with({ try $0.lastSnapshot(of: kind) }), let last = metadata.snapshot(id) else {
            return
        }
        let line = metadata.ancestors(of: metadata.currentSnapshotID)
        guard !line.contains(where: { $0.id == id }), line.contains(where: { $0.sequenceNumber < last.sequenceNumber })
        else { return }
        throw ExportError.rolledBack(table: identifier.description, current: line.first?.id ?? -1, last: id)
    }

    /// Anew when the catalog lends other credentials than before.
    private func io(of table: LoadedTable) throws -> TableIO {
        if let opened, opened.config == table.config { return opened.io }
        let io = TableIO(files: try warehouse.files(table))
        opened = (table.config, io)
        return io
    }

    /// The catalog may number the fields as it likes only if it kept ours; names, ids and types have to be the same.
    private static func haveSameColumns(_ a: TableSchema, _ b: TableSchema) -> Bool {
        a.fields.count == b.fields.count
            && zip(a.fields, b.fields).allSatisfy { $0.id == $1.id && $0.name == $1.name && $0.type == $1.type }
    }

    private static func text(_ schema: TableSchema) -> String {
        "(" + schema.fields.map { "\($0.id) \($0.name) \($0.type.name ?? "nested")" }.joined(separator: ", ") + ")"
    }
}
