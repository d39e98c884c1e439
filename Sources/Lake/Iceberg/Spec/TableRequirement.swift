// What must hold of a table for a commit to be applied (REST catalog specification, TableRequirement), and the
// pure check of it.
package import Avro

/// One condition of a commit.
package enum TableRequirement: Sendable, Equatable {
    /// The table is not there yet.
    case notExisting
    /// It is still the table it was.
    case uuid(String)
    /// A name points to this snapshot; nil: there is no such name.
    case refSnapshot(name: String, Int64?)
    /// No column was added.
    case lastAssignedFieldID(Int)
    /// The schema in force is this one.
    case currentSchemaID(Int)
    /// No partition field was added.
    case lastAssignedPartitionID(Int)
    /// The spec of new files is this one.
    case defaultSpecID(Int)
    /// The sort order of new files is this one.
    case defaultSortOrderID(Int)
    /// The table's format is this one: what may be in a commit depends on it. Only a catalog without a server can be
    /// asked for it; the REST protocol has no such requirement.
    case formatVersion(Int)
}

extension TableRequirement {
    /// Says in one line what does not hold for `metadata` (nil: no such table); nil when the condition holds.
    package func failure(for metadata: TableMetadata?) -> String? {
        guard let metadata else { return self == .notExisting ? nil : "the table does not exist" }
        switch self {
        case .notExisting: return "the table exists already"
        case .uuid(let uuid):
            // UUIDs are the same in either case of their letters.
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
    /// The JSON form; nil for what the protocol does not have.
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

    /// Reads the JSON form. Throws `IcebergError` on a type that is not known here.
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
        case let other: throw IcebergError(.unsupported, "the type '\(other)' is not known", in: "requirement")
        }
    }
}
