// The state of a table (https://iceberg.apache.org/spec/#table-metadata), formats v2 and v3.
// Invariant: a value read from JSON and written again says the same, members that are not known here included.
package import Avro

/// Everything a table's metadata file says.
package struct TableMetadata: Sendable, Equatable {
    /// 2 or 3.
    package var formatVersion: Int
    /// Identifies the table for good.
    package var uuid: String
    /// The folder of the table, an address without trailing slash.
    package var location: String
    /// The highest sequence number given.
    package var lastSequenceNumber: Int64
    /// When the table was last changed, milliseconds since 1970-01-01 UTC.
    package var lastUpdatedMilliseconds: Int64
    /// The highest field id given.
    package var lastColumnID: Int
    /// All schemas that some file may have.
    package var schemas: [TableSchema]
    /// Which of them is in force.
    package var currentSchemaID: Int
    /// All partition specs that some file may have.
    package var partitionSpecs: [PartitionSpec]
    /// Which of them new files have.
    package var defaultSpecID: Int
    /// The highest partition field id given.
    package var lastPartitionID: Int
    /// The table's settings.
    package var properties: [String: String]
    /// What readers see; nil for a table without rows.
    package var currentSnapshotID: Int64?
    /// All snapshots that have not expired, in no particular order.
    package var snapshots: [Snapshot]
    /// When which snapshot became current, oldest first.
    package var snapshotLog: [SnapshotLogEntry]
    /// Earlier metadata files, oldest first.
    package var metadataLog: [MetadataLogEntry]
    /// All sort orders.
    package var sortOrders: [SortOrder]
    /// Which of them new files should have.
    package var defaultSortOrderID: Int
    /// The names of snapshots.
    package var refs: [String: SnapshotRef]
    /// Statistics files, as they were read.
    package var statistics: [JSON]
    /// Partition statistics files, as they were read.
    package var partitionStatistics: [JSON]
    /// v3: the next row id to give.
    package var nextRowID: Int64?
    /// Other members, kept as they are.
    package var unknown: [String: JSON] = [:]
}

extension TableMetadata {
    /// A new table without rows, as `create` stores it.
    ///
    /// - Parameters:
    ///   - uuid: a fresh UUID; randomness is the caller's.
    ///   - nowMilliseconds: the time, milliseconds since 1970-01-01 UTC.
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

    /// The snapshot that readers see.
    package var currentSnapshot: Snapshot? { currentSnapshotID.flatMap(snapshot) }

    /// The snapshot of an id.
    package func snapshot(_ id: Int64) -> Snapshot? { snapshots.first { $0.id == id } }

    /// The schema in force.
    package var currentSchema: TableSchema? { schemas.first { $0.id == currentSchemaID } }

    /// The partition spec of new files.
    package var defaultSpec: PartitionSpec? { spec(defaultSpecID) }

    /// The partition spec of a number.
    package func spec(_ id: Int) -> PartitionSpec? { partitionSpecs.first { $0.id == id } }

    /// The folder of metadata files: the property `write.metadata.path`, or `metadata` in the table's folder.
    package var metadataFolder: String {
        (properties["write.metadata.path"] ?? "\(location)/metadata").droppingTrailingSlashes
    }

    /// The folder of data files: the property `write.data.path`, or `data` in the table's folder.
    package var dataFolder: String {
        (properties["write.data.path"] ?? "\(location)/data").droppingTrailingSlashes
    }

    /// The schemas, the one in force first and then the newest.
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
