// The updates of a commit and their JSON form (REST catalog specification, TableUpdate:
// https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml).
package import Avro

/// A change of a table's metadata.
package enum TableUpdate: Sendable, Equatable {
    /// Sets the UUID of a new table.
    case assignUUID(String)
    /// Raises the format version; never lowers it.
    case upgradeFormatVersion(Int)
    /// Adds a schema.
    case addSchema(TableSchema)
    /// Sets the current schema; -1: the last one added in this commit.
    case setCurrentSchema(Int)
    /// Adds a partition spec.
    case addPartitionSpec(PartitionSpec)
    /// Sets the default partition spec; -1: the last one added in this commit.
    case setDefaultSpec(Int)
    /// Adds a sort order.
    case addSortOrder(SortOrder)
    /// Sets the default sort order; -1: the last one added in this commit.
    case setDefaultSortOrder(Int)
    /// Adds a snapshot without a ref.
    case addSnapshot(Snapshot)
    /// Points a ref to a snapshot.
    case setSnapshotRef(name: String, SnapshotRef)
    /// Removes a ref.
    case removeSnapshotRef(name: String)
    /// Removes snapshots that no ref points to.
    case removeSnapshots([Int64])
    /// Moves the table's folder.
    case setLocation(String)
    /// Sets or replaces properties.
    case setProperties([String: String])
    /// Removes properties; ignores missing ones.
    case removeProperties([String])
    /// Removes the statistics files of a snapshot.
    case removeStatistics(Int64)
    /// Removes the partition statistics file of a snapshot.
    case removePartitionStatistics(Int64)
}

extension TableUpdate {
    /// The JSON form.
    package var json: JSON {
        var members = self.members
        members["action"] = .string(action)
        return .object(members)
    }

    private var action: String {
        switch self {
        case .assignUUID: "assign-uuid"
        case .upgradeFormatVersion: "upgrade-format-version"
        case .addSchema: "add-schema"
        case .setCurrentSchema: "set-current-schema"
        case .addPartitionSpec: "add-spec"
        case .setDefaultSpec: "set-default-spec"
        case .addSortOrder: "add-sort-order"
        case .setDefaultSortOrder: "set-default-sort-order"
        case .addSnapshot: "add-snapshot"
        case .setSnapshotRef: "set-snapshot-ref"
        case .removeSnapshotRef: "remove-snapshot-ref"
        case .removeSnapshots: "remove-snapshots"
        case .setLocation: "set-location"
        case .setProperties: "set-properties"
        case .removeProperties: "remove-properties"
        case .removeStatistics: "remove-statistics"
        case .removePartitionStatistics: "remove-partition-statistics"
        }
    }

    private var members: [String: JSON] {
        switch self {
        case .assignUUID(let uuid): ["uuid": .string(uuid)]
        case .upgradeFormatVersion(let version): ["format-version": .int(version)]
        case .addSchema(let schema): ["schema": schema.json, "last-column-id": .int(schema.highestFieldID)]
        case .setCurrentSchema(let id): ["schema-id": .int(id)]
        case .addPartitionSpec(let spec): ["spec": spec.json]
        case .setDefaultSpec(let id): ["spec-id": .int(id)]
        case .addSortOrder(let order): ["sort-order": order.json]
        case .setDefaultSortOrder(let id): ["sort-order-id": .int(id)]
        case .addSnapshot(let snapshot): ["snapshot": snapshot.json]
        case .setSnapshotRef(let name, let ref):
            (ref.json.object ?? [:]).merging(["ref-name": .string(name)]) { $1 }
        case .removeSnapshotRef(let name): ["ref-name": .string(name)]
        case .removeSnapshots(let ids): ["snapshot-ids": .array(ids.map { .integer($0) })]
        case .setLocation(let location): ["location": .string(location)]
        case .setProperties(let properties): ["updates": .strings(properties)]
        case .removeProperties(let keys): ["removals": .array(keys.map { .string($0) })]
        case .removeStatistics(let id), .removePartitionStatistics(let id): ["snapshot-id": .integer(id)]
        }
    }

    /// Reads the JSON form. Throws `unsupported` for an unknown action, and `malformed` for missing members.
    package init(json: JSON) throws(IcebergError) {
        var reader = try FieldReader(json, "update")
        switch try reader.string("action") {
        case "assign-uuid": self = .assignUUID(try reader.string("uuid"))
        case "upgrade-format-version": self = .upgradeFormatVersion(try reader.int("format-version"))
        case "add-schema":
            self = .addSchema(try TableSchema(json: reader.take("schema") ?? .null, path: "update.schema"))
        case "set-current-schema": self = .setCurrentSchema(try reader.int("schema-id"))
        case "add-spec":
            self = .addPartitionSpec(try PartitionSpec(json: reader.take("spec") ?? .null, path: "update.spec"))
        case "set-default-spec": self = .setDefaultSpec(try reader.int("spec-id"))
        case "add-sort-order":
            self = .addSortOrder(try SortOrder(json: reader.take("sort-order") ?? .null, path: "update.sort-order"))
        case "set-default-sort-order": self = .setDefaultSortOrder(try reader.int("sort-order-id"))
        case "add-snapshot":
            self = .addSnapshot(try Snapshot(json: reader.take("snapshot") ?? .null, path: "update.snapshot"))
        case "set-snapshot-ref":
            let name = try reader.string("ref-name")
            self = .setSnapshotRef(name: name, try SnapshotRef(json: .object(reader.rest), path: "update"))
        case "remove-snapshot-ref": self = .removeSnapshotRef(name: try reader.string("ref-name"))
        case "remove-snapshots":
            self = .removeSnapshots((try reader.optionalArray("snapshot-ids") ?? []).compactMap(\.integer))
        case "set-location": self = .setLocation(try reader.string("location"))
        case "set-properties": self = .setProperties(try reader.strings("updates"))
        case "remove-properties":
            self = .removeProperties((try reader.optionalArray("removals") ?? []).compactMap(\.string))
        case "remove-statistics": self = .removeStatistics(try reader.long("snapshot-id"))
        case "remove-partition-statistics": self = .removePartitionStatistics(try reader.long("snapshot-id"))
        case let other: throw IcebergError(.unsupported, "the action '\(other)' is unknown", in: "update")
        }
    }
}
