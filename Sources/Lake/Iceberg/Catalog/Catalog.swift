// The catalog protocol and its types.
// Invariant: a commit with an unknown outcome is `unknown`, never `failed`. The caller looks for the commit before it
// retries or deletes anything.

/// The name of a table.
package struct TableIdentifier: Sendable, Hashable, CustomStringConvertible {
    /// The levels of the namespace, outermost first; not empty.
    package let namespace: [String]
    /// The table's name within the namespace.
    package let name: String

    /// A table in a namespace.
    package init(namespace: [String], name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// `namespace.name`.
    package var description: String { (namespace + [name]).joined(separator: ".") }
}

/// A table as loaded from a catalog.
package struct LoadedTable: Sendable, Equatable {
    /// The table's state.
    package let metadata: TableMetadata
    /// The location of the metadata file; nil when the catalog does not state it.
    package let metadataLocation: String?
    /// A REST catalog's settings for this table, such as `s3.endpoint` and `s3.access-key-id`. May contain secrets.
    package let config: [String: String]

    /// A table in a state.
    package init(metadata: TableMetadata, metadataLocation: String?, config: [String: String] = [:]) {
        self.metadata = metadata
        self.metadataLocation = metadataLocation
        self.config = config
    }
}

extension LoadedTable: CustomStringConvertible {
    /// The table in messages, without the settings, which may contain secrets.
    package var description: String {
        let snapshot = metadata.currentSnapshotID.map { "snapshot \($0)" } ?? "no snapshot"
        return "table \(metadata.uuid) at \(metadataLocation ?? metadata.location), \(snapshot)"
    }
}

/// The definition of a new table.
package struct TableDefinition: Sendable, Equatable {
    /// The columns.
    package var schema: TableSchema
    /// The partitioning of files.
    package var spec: PartitionSpec
    /// The order of rows within files.
    package var sortOrder: SortOrder
    /// The table properties.
    package var properties: [String: String]
    /// The format version, 2 or 3.
    package var formatVersion: Int
    /// The table's folder; nil: the catalog chooses.
    package var location: String?

    /// A table of these columns.
    package init(
        schema: TableSchema, spec: PartitionSpec = PartitionSpec(), sortOrder: SortOrder = .unsorted,
        properties: [String: String] = [:], formatVersion: Int = 2, location: String? = nil
    ) {
        self.schema = schema
        self.spec = spec
        self.sortOrder = sortOrder
        self.properties = properties
        self.formatVersion = formatVersion
        self.location = location
    }
}

/// The outcome of creating a table.
package enum CreateOutcome: Sendable, Equatable {
    /// The table was created. Some catalogs also answer this for a table that another writer created just before, so
    /// callers compare what they depend on.
    case created(LoadedTable)
    /// A table of this name exists; load it.
    case exists
}

/// The outcome of a commit.
package enum CommitOutcome: Sendable, Equatable {
    /// The commit was applied. Holds the new state when the catalog returned it.
    case committed(LoadedTable?)
    /// A requirement did not hold: load the table, look for the commit, and plan again. A proxy that repeats a request
    /// can make a commit conflict with itself.
    case conflict(String)
    /// The commit was certainly not applied. The error states the reason; catalogs construct this with
    /// `certainFailure`.
    case failed(CatalogError)
    /// The commit may or may not have been applied: load the table and look for the commit.
    case unknown(String)
}

/// A failed call to a catalog.
package struct CatalogError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    package enum Kind: String, Sendable, Equatable {
        /// The table, namespace or warehouse does not exist.
        case notFound
        /// The credentials are missing or wrong, or lack the permission.
        case denied
        /// The catalog gave no usable answer. A retry may help; nothing was changed.
        case unavailable
        /// The change may or may not have been made.
        case unknownOutcome
        /// The catalog refused the request; a retry does not help.
        case refused
        /// The answer or the metadata is not a valid table.
        case malformed
    }

    /// The kind of failure.
    package let kind: Kind
    /// The error in one line: what failed, on what, and what to do.
    package let description: String

    /// An error of this kind.
    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

extension CommitOutcome {
    /// `failed` with an error that proves the commit was not applied.
    static func certainFailure(_ error: CatalogError) -> CommitOutcome {
        assert(error.kind != .unknownOutcome, "an unknown outcome is not a failure")
        return .failed(error)
    }
}

/// A catalog of tables.
package protocol Catalog: Sendable {
    /// The catalog's name in messages.
    var name: String { get }

    /// The table's current state; nil when no table has this name.
    func load(_ table: TableIdentifier) async throws(CatalogError) -> LoadedTable?

    /// Creates a table, and its namespace when missing. After `unknownOutcome`, load the table to find out.
    func create(_ table: TableIdentifier, _ definition: TableDefinition) async throws(CatalogError) -> CreateOutcome

    /// Applies `updates` to the table atomically if all `requirements` hold. Never throws; see `CommitOutcome`.
    func commit(
        _ table: TableIdentifier, requirements: [TableRequirement], updates: [TableUpdate]
    ) async -> CommitOutcome

    /// The tables of a namespace; empty when it does not exist.
    func list(namespace: [String]) async throws(CatalogError) -> [TableIdentifier]

    /// Checks that the storage below the catalog honours conditional writes, which exclude concurrent writers. Removes
    /// its probe.
    /// - Throws: `refused` when it does not.
    func checkConditions() async throws(CatalogError)
}

extension Catalog {
    /// Does nothing: a catalog server is trusted to serialise commits.
    package func checkConditions() async throws(CatalogError) {}
}
