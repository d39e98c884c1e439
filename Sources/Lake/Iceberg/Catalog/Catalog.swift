// What a catalog does, and the vocabulary of its answers.
// Invariant: a commit whose outcome is not known is `unknown`, never `failed`: the caller looks for the commit
// before trying again or deleting anything.

/// The name of a table.
package struct TableIdentifier: Sendable, Hashable, CustomStringConvertible {
    /// The levels of the namespace, outermost first; not empty.
    package let namespace: [String]
    /// The table's own name.
    package let name: String

    /// A table in a namespace.
    package init(namespace: [String], name: String) {
        self.namespace = namespace
        self.name = name
    }

    /// `namespace.name`.
    package var description: String { (namespace + [name]).joined(separator: ".") }
}

/// A table as a catalog gave it.
package struct LoadedTable: Sendable, Equatable {
    /// Its state.
    package let metadata: TableMetadata
    /// Where that state is stored; nil when the catalog does not say.
    package let metadataLocation: String?
    /// Settings that a REST catalog gives for this table: `s3.endpoint`, `s3.access-key-id` and so on. May hold
    /// secrets.
    package let config: [String: String]

    /// A table in a state.
    package init(metadata: TableMetadata, metadataLocation: String?, config: [String: String] = [:]) {
        self.metadata = metadata
        self.metadataLocation = metadataLocation
        self.config = config
    }
}

extension LoadedTable: CustomStringConvertible {
    /// For messages; without the settings, which may hold secrets.
    package var description: String {
        let snapshot = metadata.currentSnapshotID.map { "snapshot \($0)" } ?? "no snapshot"
        return "table \(metadata.uuid) at \(metadataLocation ?? metadata.location), \(snapshot)"
    }
}

/// What a new table is to be.
package struct TableDefinition: Sendable, Equatable {
    /// The columns.
    package var schema: TableSchema
    /// How files are split.
    package var spec: PartitionSpec
    /// How rows are ordered within files.
    package var sortOrder: SortOrder
    /// Settings.
    package var properties: [String: String]
    /// 2 or 3.
    package var formatVersion: Int
    /// The folder; nil: the catalog chooses.
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

/// How the creation of a table ended.
package enum CreateOutcome: Sendable, Equatable {
    /// It was created. Some catalogs say so of a table that another writer created a moment before: compare what you
    /// need.
    case created(LoadedTable)
    /// There was one of this name; load it.
    case exists
}

/// How a commit ended.
package enum CommitOutcome: Sendable, Equatable {
    /// It was applied; the new state, when the catalog answered with it.
    case committed(LoadedTable?)
    /// A requirement did not hold: load the table, look for the commit (a proxy that repeats a request can make a
    /// commit conflict with itself), and plan again.
    case conflict(String)
    /// It was certainly not applied, for another reason, which the text says.
    case failed(CatalogError)
    /// It may or may not have been applied: load the table and look for the commit.
    case unknown(String)
}

/// Why a catalog did not answer as asked.
package struct CatalogError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act on.
    package enum Kind: String, Sendable, Equatable {
        /// The table, namespace or warehouse is not there.
        case notFound
        /// The credentials are missing, wrong, or not for this.
        case denied
        /// No usable answer now; trying again may help; nothing was changed.
        case unavailable
        /// The change may or may not have been made.
        case unknownOutcome
        /// The catalog refuses the request; trying again does not help.
        case refused
        /// What was read is not a table.
        case malformed
    }

    /// What a caller can act on.
    package let kind: Kind
    /// What failed, on what, and what to do, in one line.
    package let description: String

    /// An error of this kind.
    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

/// A keeper of tables.
package protocol Catalog: Sendable {
    /// What the catalog is, for messages.
    var name: String { get }

    /// The table's present state; nil when there is none of this name.
    func load(_ table: TableIdentifier) async throws(CatalogError) -> LoadedTable?

    /// Creates a table, and its namespace where that is missing. With `unknownOutcome`, load to find out.
    func create(_ table: TableIdentifier, _ definition: TableDefinition) async throws(CatalogError) -> CreateOutcome

    /// Applies `updates` to the table if all `requirements` hold, as one step. Never throws: see `CommitOutcome`.
    func commit(
        _ table: TableIdentifier, requirements: [TableRequirement], updates: [TableUpdate]
    ) async -> CommitOutcome

    /// The tables of a namespace; none when it is not there.
    func list(namespace: [String]) async throws(CatalogError) -> [TableIdentifier]

    /// Makes sure that what stands beneath the catalog keeps two writers apart. Leaves nothing behind.
    /// - Throws: of kind `refused` when it does not.
    func checkConditions() async throws(CatalogError)
}

extension Catalog {
    /// A catalog server is trusted.
    package func checkConditions() async throws(CatalogError) {}
}
