// The state of a table (https://iceberg.apache.org/spec/#table-metadata), formats v2 and v3. Unknown members of the
// metadata and of its snapshots, refs, schemas, columns, partition fields and sort fields are kept in `unknown`, so a
// rewrite preserves them.
package import Avro

/// The content of a table's metadata file.
package struct TableMetadata: Sendable, Equatable {
    /// The format version, 2 or 3.
    package var formatVersion: Int
    /// The table's permanent UUID.
    package var uuid: String
    /// The table's folder, an absolute location without trailing slash.
    package var location: String
    /// The highest assigned sequence number.
    package var lastSequenceNumber: Int64
    /// The time of the last change, in milliseconds since 1970-01-01 UTC.
    package var lastUpdatedMilliseconds: Int64
    /// The highest assigned field id.
    package var lastColumnID: Int
    /// All schemas that files may have.
    package var schemas: [TableSchema]
    /// The id of the current schema.
    package var currentSchemaID: Int
    /// All partition specs that files may have.
    package var partitionSpecs: [PartitionSpec]
    /// The id of the partition spec of new files.
    package var defaultSpecID: Int
    /// The highest assigned partition field id.
    package var lastPartitionID: Int
    /// The table properties.
    package var properties: [String: String]
    /// The id of the current snapshot, which readers see; nil for a table without one.
    package var currentSnapshotID: Int64?
    /// All snapshots that have not expired, in no particular order.
    package var snapshots: [Snapshot]
    /// The history of the current snapshot, oldest first.
    package var snapshotLog: [SnapshotLogEntry]
    /// Earlier metadata files, oldest first.
    package var metadataLog: [MetadataLogEntry]
    /// All sort orders.
    package var sortOrders: [SortOrder]
    /// The id of the sort order of new files.
    package var defaultSortOrderID: Int
    /// Branches and tags, by name.
    package var refs: [String: SnapshotRef]
    /// Statistics files, kept unchanged.
    package var statistics: [JSON]
    /// Partition statistics files, kept unchanged.
    package var partitionStatistics: [JSON]
    /// v3: the next row id to assign.
    package var nextRowID: Int64?
    /// Unknown members, kept unchanged.
    package var unknown: [String: JSON] = [:]
}

extension TableMetadata {
    /// A new table without snapshots. Throws `unsupported` for format versions other than 2 and 3, and `invalid` for a
    /// spec with a column that is not in `schema`.
    ///
    /// - Parameters:
    ///   - uuid: a new UUID; the caller supplies randomness.
    ///   - nowMilliseconds: the time, in milliseconds since 1970-01-01 UTC.
    package init(
        formatVersion: Int, uuid: String, location: String, schema: TableSchema, spec: PartitionSpec,
        sortOrder: SortOrder = .unsorted, properties: [String: String], nowMilliseconds: Int64
    ) throws(IcebergError) {
        guard formatVersion == 2 || formatVersion == 3 else {
            throw IcebergError(.unsupported, "format version \(formatVersion) is not 2 or 3")
        }
        _ = try spec.types(in: [schema])
        self.formatVersion = formatVersion
        self.uuid = uuid
        self.location = location.droppingTrailingSlashes
        lastSequenceNumber = 0
        lastUpdatedMilliseconds = nowMilliseconds
        lastColumnID = schema.highestFieldID
        schemas = [schema]
        currentSchemaID = schema.id
        partitionSpecs = [spec]
        defaultSpecID = spec.id
        lastPartitionID = spec.fields.map(\.fieldID).max() ?? PartitionSpec.firstFieldID - 1
        self.properties = properties
        snapshots = []
        snapshotLog = []
        metadataLog = []
        sortOrders = [sortOrder]
        defaultSortOrderID = sortOrder.id
        refs = [:]
        statistics = []
        partitionStatistics = []
        nextRowID = formatVersion >= 3 ? 0 : nil
    }

    /// The current snapshot, which readers see.
    package var currentSnapshot: Snapshot? { currentSnapshotID.flatMap(snapshot) }

    /// The snapshot with an id.
    package func snapshot(_ id: Int64) -> Snapshot? { snapshots.first { $0.id == id } }

    /// The current schema.
    package var currentSchema: TableSchema? { schemas.first { $0.id == currentSchemaID } }

    /// The partition spec of new files.
    package var defaultSpec: PartitionSpec? { spec(defaultSpecID) }

    /// The partition spec with an id.
    package func spec(_ id: Int) -> PartitionSpec? { partitionSpecs.first { $0.id == id } }

    /// The folder of metadata files: the property `write.metadata.path`, else `metadata` in the table's folder.
    package var metadataFolder: String {
        (properties["write.metadata.path"] ?? "\(location)/metadata").droppingTrailingSlashes
    }

    /// The folder of data files: the property `write.data.path`, else `data` in the table's folder.
    package var dataFolder: String {
        (properties["write.data.path"] ?? "\(location)/data").droppingTrailingSlashes
    }

    /// The schemas: the current one first, then by descending id.
    var schemasByRelevance: [TableSchema] {
        schemas.sorted { left, right in
            (left.id == currentSchemaID ? Int.max : left.id) > (right.id == currentSchemaID ? Int.max : right.id)
        }
    }
}

extension String {
    var droppingTrailingSlashes: String {
        var result = Substring(self)
        while result.hasSuffix("/"), !result.hasSuffix("//") { result.removeLast() }
        return String(result)
    }
}
