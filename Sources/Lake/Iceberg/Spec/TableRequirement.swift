// The requirements of a commit (REST catalog specification, TableRequirement), and their check against a table. Pure.
package import Avro

/// A requirement of a commit.
package enum TableRequirement: Sendable, Equatable {
    /// The table does not exist.
    case notExisting
    /// The table has this UUID.
    case uuid(String)
    /// The ref points to this snapshot; nil: the ref does not exist.
    case refSnapshot(name: String, Int64?)
    /// The last assigned field id is this: no column was added.
    case lastAssignedFieldID(Int)
    /// The current schema has this id.
    case currentSchemaID(Int)
    /// The last assigned partition field id is this: no partition field was added.
    case lastAssignedPartitionID(Int)
    /// The default partition spec has this id.
    case defaultSpecID(Int)
    /// The default sort order has this id.
    case defaultSortOrderID(Int)
    /// The table has this format version, on which the content of a commit depends. Only file catalogs check it: the
    /// REST protocol has no such requirement.
    case formatVersion(Int)
}

extension TableRequirement {
    /// Why the requirement does not hold for `metadata` (nil: no such table), in one line; nil when it holds.
    package func failure(for metadata: TableMetadata?) -> String? {
        guard let metadata else { return self == .notExisting ? nil : "the table does not exist" }
        switch self {
        case .notExisting: return "the table exists already"
        case .uuid(let uuid):
            // UUIDs are case-insensitive.
            return metadata.uuid.lowercased() == uuid.lowercased()
                ? nil : "the table is another one: its UUID is \(metadata.uuid), not \(uuid)"
        case .refSnapshot(let name, let id):
            let found = metadata.refs[name]?.snapshotID
            return found == id ? nil : "\(name) is at snapshot \(Self.text(found)), not \(Self.text(id))"
        case .lastAssignedFieldID(let id): return Self.differs("last column id", metadata.lastColumnID, id)
        case .currentSchemaID(let id): return Self.differs("current schema id", metadata.currentSchemaID, id)
        case .lastAssignedPartitionID(let id): return Self.differs("last partition id", metadata.lastPartitionID, id)
        case .defaultSpecID(let id): return Self.differs("default spec id", metadata.defaultSpecID, id)
        case .defaultSortOrderID(let id): return Self.differs("default sort order id", metadata.defaultSortOrderID, id)
        case .formatVersion(let version): return Self.differs("format version", metadata.formatVersion, version)
        }
    }

    private static func differs(_ what: String, _ found: Int, _ expected: Int) -> String? {
        found == expected ? nil : "the \(what) is \(found), not \(expected)"
    }

    private static func text(_ id: Int64?) -> String { id.map { "\($0)" } ?? "none" }
}

extension TableRequirement {
    /// The JSON form; nil for `formatVersion`, which the protocol lacks.
    package var json: JSON? {
        switch self {
        case .notExisting: Self.form("assert-create", [:])
        case .uuid(let uuid): Self.form("assert-table-uuid", ["uuid": .string(uuid)])
        case .refSnapshot(let name, let id):
            Self.form(
                "assert-ref-snapshot-id", ["ref": .string(name), "snapshot-id": id.map { .integer($0) } ?? .null])
        case .lastAssignedFieldID(let id):
            Self.form("assert-last-assigned-field-id", ["last-assigned-field-id": .int(id)])
        case .currentSchemaID(let id): Self.form("assert-current-schema-id", ["current-schema-id": .int(id)])
        case .lastAssignedPartitionID(let id):
            Self.form("assert-last-assigned-partition-id", ["last-assigned-partition-id": .int(id)])
        case .defaultSpecID(let id): Self.form("assert-default-spec-id", ["default-spec-id": .int(id)])
        case .defaultSortOrderID(let id):
            Self.form("assert-default-sort-order-id", ["default-sort-order-id": .int(id)])
        case .formatVersion: nil
        }
    }

    private static func form(_ type: String, _ members: [String: JSON]) -> JSON {
        .object(members.merging(["type": .string(type)]) { $1 })
    }

    /// Reads the JSON form. Throws `unsupported` for an unknown type, and `malformed` for missing members.
    package init(json: JSON) throws(IcebergError) {
        var reader = try FieldReader(json, "requirement")
        switch try reader.string("type") {
        case "assert-create": self = .notExisting
        case "assert-table-uuid": self = .uuid(try reader.string("uuid"))
        case "assert-ref-snapshot-id":
            self = .refSnapshot(name: try reader.string("ref"), try reader.optionalLong("snapshot-id"))
        case "assert-last-assigned-field-id":
            self = .lastAssignedFieldID(try reader.int("last-assigned-field-id"))
        case "assert-current-schema-id": self = .currentSchemaID(try reader.int("current-schema-id"))
        case "assert-last-assigned-partition-id":
            self = .lastAssignedPartitionID(try reader.int("last-assigned-partition-id"))
        case "assert-default-spec-id": self = .defaultSpecID(try reader.int("default-spec-id"))
        case "assert-default-sort-order-id": self = .defaultSortOrderID(try reader.int("default-sort-order-id"))
        case let other: throw IcebergError(.unsupported, "the type '\(other)' is unknown", in: "requirement")
        }
    }
}
