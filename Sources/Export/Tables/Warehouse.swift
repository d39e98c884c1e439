// Where exported data goes: a catalog of tables, a way to their files, and a place for raw JSON.

public import Iceberg
public import ObjectStorage

/// A catalog and the storage beneath it.
public struct Warehouse: Sendable {
    /// The tables.
    public let catalog: any Catalog
    /// The files of a loaded table.
    public let files: @Sendable (LoadedTable) throws -> TableFiles
    /// Where the raw JSON lines go: below this root.
    public let root: StorageRoot

    /// A warehouse from its parts.
    public init(
        catalog: any Catalog, files: @escaping @Sendable (LoadedTable) throws -> TableFiles, root: StorageRoot
    ) {
        self.catalog = catalog
        self.files = files
        self.root = root
    }

    /// A warehouse without a catalog server: tables at `WAREHOUSE/NAMESPACE/TABLE/`.
    /// - Throws: `ObjectStorageError` for a malformed location.
    public static func inFolders(
        _ location: String, opener: StorageOpener, nowMilliseconds: @escaping @Sendable () -> Int64
    ) throws -> Warehouse {
        let root = try opener.open(location)
        let files = TableFiles(roots: [root], opener: opener)
        let catalog = FileCatalog(
            files: files, warehouse: root.location.description, nowMilliseconds: nowMilliseconds)
        return Warehouse(
            catalog: catalog,
            files: { table in
                guard let path = table.metadata.properties["write.data.path"] else { return files }
                return TableFiles(roots: [root, try opener.open(path)], opener: opener)
            }, root: root)
    }
}
