// A table's schema and its JSON form (https://iceberg.apache.org/spec/#schemas-and-data-types).
package import Avro

/// A column, or a field of a struct.
package struct SchemaField: Sendable, Equatable {
    /// The field id, which never changes and is never reused.
    package var id: Int
    /// The name.
    package var name: String
    /// Whether every row has a value.
    package var required: Bool
    /// The type.
    package var type: FieldType
    /// A description for people.
    package var doc: String?
    /// Unknown members, such as `initial-default`, kept unchanged.
    package var unknown: [String: JSON] = [:]

    /// A column.
    package init(id: Int, name: String, required: Bool, type: FieldType, doc: String? = nil) {
        self.id = id
        self.name = name
        self.required = required
        self.type = type
        self.doc = doc
    }

    /// Whether readers have a default for rows of files without the column (v3).
    package var hasInitialDefault: Bool { unknown["initial-default"].map { $0 != .null } ?? false }

    /// Whether the defaults for reading and for writing differ, so a row written without the column would be read with
    /// the wrong value (v3).
    package var hasOtherWriteDefault: Bool {
        (unknown["initial-default"] ?? .null) != (unknown["write-default"] ?? .null)
    }

    init(json: JSON, path: String, depth: Int = 0) throws(IcebergError) {
        var fields = try FieldReader(json, path)
        id = try fields.int("id")
        name = try fields.string("name")
        required = try fields.bool("required")
        guard let type = fields.take("type") else { throw fields.error("type", "is missing") }
        self.type = try FieldType(json: type, path: "\(path).type", depth: depth)
        doc = try fields.optionalString("doc")
        unknown = fields.rest
    }

    var json: JSON {
        .object(
            [
                "id": .int(id), "name": .string(name), "required": .bool(required), "type": type.json,
                "doc": doc.map { .string($0) },
            ], keeping: unknown)
    }
}

/// A schema of a table.
package struct TableSchema: Sendable, Equatable {
    /// The schema's id within the table.
    package var id: Int
    /// The columns in order.
    package var fields: [SchemaField]
    /// The field ids of the columns that identify a row, if any.
    package var identifierFieldIDs: [Int]
    /// Unknown members, kept unchanged.
    package var unknown: [String: JSON] = [:]

    /// A schema of these columns.
    package init(id: Int = 0, fields: [SchemaField], identifierFieldIDs: [Int] = []) {
        self.id = id
        self.fields = fields
        self.identifierFieldIDs = identifierFieldIDs
    }

    /// Reads the JSON form. Throws `malformed`, naming the member.
    package init(json: JSON, path: String = "schema") throws(IcebergError) {
        var reader = try FieldReader(json, path)
        id = try reader.optionalInt("schema-id") ?? 0
        fields = try reader.list("fields") { json, path throws(IcebergError) in try SchemaField(json: json, path: path)
        }
        identifierFieldIDs = try reader.ints("identifier-field-ids")
        unknown = reader.rest
        unknown["type"] = nil
    }

    /// The JSON form.
    package var json: JSON {
        .object(
            [
                "type": .string("struct"), "schema-id": .int(id), "fields": .array(fields.map(\.json)),
                "identifier-field-ids":
                    identifierFieldIDs.isEmpty ? nil : .array(identifierFieldIDs.map { .int($0) }),
            ], keeping: unknown)
    }

    /// The top-level column with a field id.
    package func field(id: Int) -> SchemaField? { fields.first { $0.id == id } }

    /// The top-level column with a name.
    package func field(named name: String) -> SchemaField? { fields.first { $0.name == name } }

    /// The largest field id, including nested ones; 0 without columns.
    package var highestFieldID: Int { FieldType.structure(fields).highestID }

    /// Whether two schemas have the same columns and identifier columns, regardless of their ids.
    package func hasSameColumns(as other: TableSchema) -> Bool {
        fields == other.fields && Set(identifierFieldIDs) == Set(other.identifierFieldIDs)
    }
}
