// Snapshots (https://iceberg.apache.org/spec/#snapshots), their refs
// (https://iceberg.apache.org/spec/#snapshot-references), and the snapshot and metadata logs.
package import Avro

/// The kind of change of a snapshot.
package enum SnapshotOperation: String, Sendable {
    /// Only data files were added.
    case append
    /// Files were rewritten with the same rows.
    case replace
    /// Rows were added and removed.
    case overwrite
    /// Only rows were removed.
    case delete
}

/// One state of a table.
package struct Snapshot: Sendable, Equatable {
    /// The id, unique within the table and positive.
    package var id: Int64
    /// The id of the parent snapshot.
    package var parentID: Int64?
    /// The sequence number of its commit.
    package var sequenceNumber: Int64
    /// The time of its creation, in milliseconds since 1970-01-01 UTC.
    package var timestampMilliseconds: Int64
    /// The location of its manifest list.
    package var manifestList: String
    /// The kind of change as written, usually a `SnapshotOperation`.
    package var operation: String
    /// Counts and the writer's own entries, without the operation.
    package var summary: [String: String]
    /// The id of the schema at its creation.
    package var schemaID: Int?
    /// v3: the first row id of its rows.
    package var firstRowID: Int64?
    /// v3: number of row ids it assigned.
    package var addedRows: Int64?
    /// Unknown members, kept unchanged.
    package var unknown: [String: JSON] = [:]

    /// A snapshot.
    package init(
        id: Int64, parentID: Int64?, sequenceNumber: Int64, timestampMilliseconds: Int64, manifestList: String,
        operation: SnapshotOperation, summary: [String: String], schemaID: Int?, firstRowID: Int64? = nil,
        addedRows: Int64? = nil
    ) {
        self.id = id
        self.parentID = parentID
        self.sequenceNumber = sequenceNumber
        self.timestampMilliseconds = timestampMilliseconds
        self.manifestList = manifestList
        self.operation = operation.rawValue
        self.summary = summary
        self.schemaID = schemaID
        self.firstRowID = firstRowID
        self.addedRows = addedRows
    }

    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        id = try reader.long("snapshot-id")
        parentID = try reader.optionalLong("parent-snapshot-id")
        // Snapshots of a former v1 table have no sequence number; the specification defaults it to 0.
        sequenceNumber = try reader.optionalLong("sequence-number") ?? 0
        timestampMilliseconds = try reader.long("timestamp-ms")
        manifestList = try reader.string("manifest-list")
        var summary = try reader.strings("summary")
        operation = summary.removeValue(forKey: "operation") ?? SnapshotOperation.overwrite.rawValue
        self.summary = summary
        schemaID = try reader.optionalInt("schema-id")
        firstRowID = try reader.optionalLong("first-row-id")
        addedRows = try reader.optionalLong("added-rows")
        unknown = reader.rest
    }

    var json: JSON {
        .object(
            [
                "snapshot-id": .integer(id), "parent-snapshot-id": parentID.map { .integer($0) },
                "sequence-number": .integer(sequenceNumber), "timestamp-ms": .integer(timestampMilliseconds),
                "manifest-list": .string(manifestList),
                "summary": .strings(summary.merging(["operation": operation]) { $1 }),
                "schema-id": schemaID.map { .int($0) }, "first-row-id": firstRowID.map { .integer($0) },
                "added-rows": addedRows.map { .integer($0) },
            ], keeping: unknown)
    }
}

/// A branch or a tag: a named reference to a snapshot.
package struct SnapshotRef: Sendable, Equatable {
    /// The name of the branch that readers see.
    package static let main = "main"

    /// The snapshot's id.
    package var snapshotID: Int64
    /// `branch` or `tag`.
    package var type: String
    /// Unknown members, such as `max-ref-age-ms`, kept unchanged.
    package var unknown: [String: JSON] = [:]

    /// A branch whose head is a snapshot.
    package static func branch(_ snapshotID: Int64) -> SnapshotRef {
        SnapshotRef(snapshotID: snapshotID, type: "branch")
    }

    /// A ref of the given type.
    package init(snapshotID: Int64, type: String) {
        self.snapshotID = snapshotID
        self.type = type
    }

    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        snapshotID = try reader.long("snapshot-id")
        type = try reader.string("type")
        unknown = reader.rest
    }

    var json: JSON {
        .object(["snapshot-id": .integer(snapshotID), "type": .string(type)], keeping: unknown)
    }
}

/// An entry of the snapshot log: when a snapshot became current.
package struct SnapshotLogEntry: Sendable, Equatable {
    /// The snapshot's id.
    package var snapshotID: Int64
    /// The time, in milliseconds since 1970-01-01 UTC.
    package var timestampMilliseconds: Int64

    init(snapshotID: Int64, timestampMilliseconds: Int64) {
        self.snapshotID = snapshotID
        self.timestampMilliseconds = timestampMilliseconds
    }

    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        snapshotID = try reader.long("snapshot-id")
        timestampMilliseconds = try reader.long("timestamp-ms")
    }

    var json: JSON {
        .object(["snapshot-id": .integer(snapshotID), "timestamp-ms": .integer(timestampMilliseconds)])
    }
}

/// An entry of the metadata log: an earlier metadata file.
package struct MetadataLogEntry: Sendable, Equatable {
    /// The file's location.
    package var file: String
    /// The file's `last-updated-ms`, in milliseconds since 1970-01-01 UTC.
    package var timestampMilliseconds: Int64

    init(file: String, timestampMilliseconds: Int64) {
        self.file = file
        self.timestampMilliseconds = timestampMilliseconds
    }

    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        file = try reader.string("metadata-file")
        timestampMilliseconds = try reader.long("timestamp-ms")
    }

    var json: JSON {
        .object(["metadata-file": .string(file), "timestamp-ms": .integer(timestampMilliseconds)])
    }
}
