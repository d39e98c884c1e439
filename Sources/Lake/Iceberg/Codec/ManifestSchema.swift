// The Avro schemas of manifests and manifest lists (https://iceberg.apache.org/spec/#manifests), and the Avro form of
// partition values (https://iceberg.apache.org/spec/#avro).
import Avro

enum ManifestSchema {
    /// Number of `data_file` columns in v2; v3 adds the rest.
    static let version2Columns = 17

    /// The schema of a manifest's entries with this partition struct.
    static func entry(formatVersion: Int, partition: AvroSchema) -> AvroSchema {
        let columns = dataFile(partition: partition)
        let file = AvroSchema.Record(
            name: "r2", fields: formatVersion >= 3 ? columns : [AvroSchema.Field](columns.prefix(version2Columns)))
        return .record(
            AvroSchema.Record(
                name: "manifest_entry",
                fields: [
                    AvroSchema.Field("status", .int, id: 0),
                    optional("snapshot_id", .long, id: 1),
                    optional("sequence_number", .long, id: 3),
                    optional("file_sequence_number", .long, id: 4),
                    AvroSchema.Field("data_file", .record(file), id: 2),
                ]))
    }

    private static func dataFile(partition: AvroSchema) -> [AvroSchema.Field] {
        [
            AvroSchema.Field("content", .int, id: 134, default: .integer(0)),
            AvroSchema.Field("file_path", .string, id: 100),
            AvroSchema.Field("file_format", .string, id: 101),
            AvroSchema.Field("partition", partition, id: 102),
            AvroSchema.Field("record_count", .long, id: 103),
            AvroSchema.Field("file_size_in_bytes", .long, id: 104),
            optional("column_sizes", entries(.long, 117, 118), id: 108),
            optional("value_counts", entries(.long, 119, 120), id: 109),
            optional("null_value_counts", entries(.long, 121, 122), id: 110),
            optional("nan_value_counts", entries(.long, 138, 139), id: 137),
            optional("lower_bounds", entries(.bytes, 126, 127), id: 125),
            optional("upper_bounds", entries(.bytes, 129, 130), id: 128),
            optional("key_metadata", .bytes, id: 131),
            optional("split_offsets", .array(.long, attributes: ["element-id": .integer(133)]), id: 132),
            optional("equality_ids", .array(.int, attributes: ["element-id": .integer(136)]), id: 135),
            optional("sort_order_id", .int, id: 140),
            optional("referenced_data_file", .string, id: 143),
            optional("first_row_id", .long, id: 142),
            optional("content_offset", .long, id: 144),
            optional("content_size_in_bytes", .long, id: 145),
        ]
    }

    /// The schema of a manifest list's entries.
    static func listEntry(formatVersion: Int) -> AvroSchema {
        let summary = AvroSchema.Record(
            name: "r508",
            fields: [
                AvroSchema.Field("contains_null", .boolean, id: 509),
                optional("contains_nan", .boolean, id: 518),
                optional("lower_bound", .bytes, id: 510),
                optional("upper_bound", .bytes, id: 511),
            ])
        var fields = [
            AvroSchema.Field("manifest_path", .string, id: 500),
            AvroSchema.Field("manifest_length", .long, id: 501),
            AvroSchema.Field("partition_spec_id", .int, id: 502),
            AvroSchema.Field("content", .int, id: 517, default: .integer(0)),
            AvroSchema.Field("sequence_number", .long, id: 515, default: .integer(0)),
            AvroSchema.Field("min_sequence_number", .long, id: 516, default: .integer(0)),
            AvroSchema.Field("added_snapshot_id", .long, id: 503),
            AvroSchema.Field("added_files_count", .int, id: 504),
            AvroSchema.Field("existing_files_count", .int, id: 505),
            AvroSchema.Field("deleted_files_count", .int, id: 506),
            AvroSchema.Field("added_rows_count", .long, id: 512),
            AvroSchema.Field("existing_rows_count", .long, id: 513),
            AvroSchema.Field("deleted_rows_count", .long, id: 514),
            optional("partitions", .array(.record(summary), attributes: ["element-id": .integer(508)]), id: 507),
            optional("key_metadata", .bytes, id: 519),
        ]
        if formatVersion >= 3 { fields.append(optional("first_row_id", .long, id: 520)) }
        return .record(AvroSchema.Record(name: "manifest_file", fields: fields))
    }

    /// The schema for reading manifest lists. Counts may be missing in the list of a former v1 table.
    static let readListEntry: AvroSchema = {
        guard case .record(var record) = listEntry(formatVersion: 3) else { return .null }
        for index in record.fields.indices where (504...514).contains(record.fields[index].id ?? 0) {
            let field = record.fields[index]
            if field.id != 507 { record.fields[index] = optional(field.name, field.schema, id: field.id ?? 0) }
        }
        return .record(record)
    }()

    private static func optional(_ name: String, _ schema: AvroSchema, id: Int) -> AvroSchema.Field {
        AvroSchema.Field(name, .optional(schema), id: id, default: .null)
    }

    private static func entries(_ value: AvroSchema, _ keyID: Int, _ valueID: Int) -> AvroSchema {
        .entries(name: "k\(keyID)_v\(valueID)", key: .int, keyID: keyID, value: value, valueID: valueID)
    }
}

extension ManifestSchema {
    /// The partition struct of a spec, for writing. Throws `unsupported` for a type whose values cannot be written.
    static func partition(_ spec: PartitionSpec, types: [FieldType]) throws(IcebergError) -> AvroSchema {
        var fields: [AvroSchema.Field] = []
        for (field, type) in zip(spec.fields, types) {
            guard let schema = avro(type, fieldID: field.fieldID) else {
                throw IcebergError(
                    .unsupported, "values of the partition field \(field.name) cannot be written: unsupported type")
            }
            fields.append(optional(avroName(field.name), schema, id: field.fieldID))
        }
        return .record(AvroSchema.Record(name: "r102", fields: fields))
    }

    /// The partition struct of a spec, for reading a manifest: the writer's types in the order of the spec. A field
    /// that the writer lacks is null.
    static func partition(_ spec: PartitionSpec, writer: AvroSchema) -> AvroSchema {
        var written: [Int: AvroSchema] = [:]
        if case .record(let entry) = writer, case .record(let file)? = entry.field(2, "data_file")?.schema,
            case .record(let partition)? = file.field(102, "partition")?.schema
        {
            for field in partition.fields { if let id = field.id { written[id] = field.schema } }
        }
        let fields = spec.fields.map { field in
            AvroSchema.Field(
                avroName(field.name), written[field.fieldID] ?? .optional(.int), id: field.fieldID, default: .null)
        }
        return .record(AvroSchema.Record(name: "r102", fields: fields))
    }

    /// An Avro name of letters, digits and underscores. Writes any other character as `_x` and its code in hexadecimal,
    /// like Iceberg's Java library.
    private static func avroName(_ name: String) -> String {
        var result = ""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
            case "0"..."9": result += index == 0 ? "_\(scalar)" : "\(scalar)"
            default: result += "_x" + String(scalar.value, radix: 16, uppercase: true)
            }
        }
        return result
    }

    private static func avro(_ type: FieldType, fieldID: Int) -> AvroSchema? {
        switch type {
        case .boolean: .boolean
        case .int: .int
        case .long: .long
        case .float: .float
        case .double: .double
        case .date: logical(.int, "date")
        case .time: logical(.long, "time-micros")
        case .timestamp: logical(.long, "timestamp-micros", adjusted: false)
        case .timestamptz: logical(.long, "timestamp-micros", adjusted: true)
        case .timestampNanoseconds: logical(.long, "timestamp-nanos", adjusted: false)
        case .timestamptzNanoseconds: logical(.long, "timestamp-nanos", adjusted: true)
        case .string: .string
        case .uuid: .fixed(name: "uuid_fixed_\(fieldID)", size: 16, attributes: ["logicalType": .string("uuid")])
        case .fixed(let length): .fixed(name: "fixed_\(fieldID)", size: length)
        case .binary: .bytes
        case .decimal, .other, .structure, .list, .map: nil
        }
    }

    private static func logical(_ type: AvroSchema.Primitive, _ name: String, adjusted: Bool? = nil) -> AvroSchema {
        var attributes: [String: JSON] = ["logicalType": .string(name)]
        attributes["adjust-to-utc"] = adjusted.map { .bool($0) }
        return .primitive(type, attributes: attributes)
    }
}

extension AvroSchema.Record {
    fileprivate func field(_ id: Int, _ name: String) -> AvroSchema.Field? {
        fields.first { $0.id == id } ?? fields.first { $0.name == name }
    }
}

extension Literal {
    var avro: AvroValue {
        switch self {
        case .boolean(let value): .boolean(value)
        case .int(let value): .integer(Int64(value))
        case .long(let value): .integer(value)
        case .float(let value): .float(value)
        case .double(let value): .double(value)
        case .string(let value): .string(value)
        case .bytes(let value): .bytes(value)
        }
    }

    /// A partition value read from Avro; `schema` distinguishes int from long.
    init?(avro value: AvroValue, schema: AvroSchema) {
        switch value {
        case .boolean(let flag): self = .boolean(flag)
        case .integer(let number):
            if schema.isInt, let int = Int32(exactly: number) { self = .int(int) } else { self = .long(number) }
        case .float(let number): self = .float(number)
        case .double(let number): self = .double(number)
        case .string(let text): self = .string(text)
        case .bytes(let bytes): self = .bytes(bytes)
        default: return nil
        }
    }
}

extension AvroSchema {
    fileprivate var isInt: Bool {
        switch self {
        case .primitive(.int, _): true
        case .union(let branches): branches.contains(where: \.isInt)
        default: false
        }
    }
}
