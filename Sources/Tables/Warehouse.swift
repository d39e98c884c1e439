// The destination of exports: a catalog of tables, access to their files, and a location for raw JSON.

package import Iceberg
package import ObjectStorage

/// A catalog and the storage beneath it.
package struct Warehouse: Sendable {
    /// The catalog of the tables.
    package let catalog: any Catalog
    /// Access to the files of a loaded table.
    package let files: @Sendable (LoadedTable) throws -> TableFiles
    /// The root of the raw JSON lines.
    package let root: StorageRoot

    /// A warehouse from its parts.
    package init(
        catalog: any Catalog, files: @escaping @Sendable (LoadedTable) throws -> TableFiles, root: StorageRoot
    ) {
        self.catalog = catalog
        self.files = files
        self.root = root
    }

    /// A warehouse without a catalog server: tables at `WAREHOUSE/NAMESPACE/TABLE/`.
    /// - Throws: `ObjectStorageError` for a malformed location.
    package static func inFolders(
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
