// Snapshots, the names that point to them, and the logs (https://iceberg.apache.org/spec/#snapshots).
package import Avro

/// What a snapshot did.
package enum SnapshotOperation: String, Sendable {
    /// Data files were added, nothing else.
    case append
    /// Files were rewritten; the rows are the same.
    case replace
    /// Rows were added and removed.
    case overwrite
    /// Rows were removed, nothing else.
    case delete
}

/// One state of a table.
package struct Snapshot: Sendable, Equatable {
    /// The id, unique within the table and positive.
    package var id: Int64
    /// The snapshot it came from.
    package var parentID: Int64?
    /// The order of its commit.
    package var sequenceNumber: Int64
    /// When it was made, milliseconds since 1970-01-01 UTC.
    package var timestampMilliseconds: Int64
    /// Where its manifest list is.
    package var manifestList: String
    /// What it did, as written; see `SnapshotOperation`.
    package var operation: String
    /// Counts and the writer's own entries.
    package var summary: [String: String]
    /// The schema at the time.
    package var schemaID: Int?
    /// v3: the first row id given to its rows.
    package var firstRowID: Int64?
    /// v3: how many row ids it took.
    package var addedRows: Int64?
    /// Other members, kept as they are.
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
        // Snapshots of a table that once was v1 have no sequence number; the specification reads it as 0.
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

/// A name that points to a snapshot.
package struct SnapshotRef: Sendable, Equatable {
    /// The branch that readers see.
    package static let main = "main"

    /// The snapshot.
    package var snapshotID: Int64
    /// `branch` or `tag`.
    package var type: String
    /// Members such as `max-ref-age-ms`, kept as they are.
    package var unknown: [String: JSON] = [:]

    /// A branch that ends at a snapshot.
    package static func branch(_ snapshotID: Int64) -> SnapshotRef {
        SnapshotRef(snapshotID: snapshotID, type: "branch")
    }

    /// A name of the given type.
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

/// When a snapshot became current.
package struct SnapshotLogEntry: Sendable, Equatable {
    /// The snapshot.
    package var snapshotID: Int64
    /// Milliseconds since 1970-01-01 UTC.
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

/// An earlier metadata file.
package struct MetadataLogEntry: Sendable, Equatable {
    /// Where it is.
    package var file: String
    /// When the table was last changed before it was replaced, milliseconds since 1970-01-01 UTC.
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
