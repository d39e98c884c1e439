// The types of columns (https://iceberg.apache.org/spec/#schemas-and-data-types) and their JSON form. An unknown type
// is kept by name in `other`, and written under the same name.
import Avro

/// The type of a column.
package indirect enum FieldType: Sendable, Equatable {
    /// True or false.
    case boolean
    /// 32-bit signed.
    case int
    /// 64-bit signed.
    case long
    /// 32-bit IEEE 754.
    case float
    /// 64-bit IEEE 754.
    case double
    /// Days since 1970-01-01.
    case date
    /// Microseconds since midnight.
    case time
    /// Microseconds since 1970-01-01 00:00, without zone.
    case timestamp
    /// Microseconds since 1970-01-01 00:00 UTC.
    case timestamptz
    /// Nanoseconds since 1970-01-01 00:00, without zone (v3).
    case timestampNanoseconds
    /// Nanoseconds since 1970-01-01 00:00 UTC (v3).
    case timestamptzNanoseconds
    /// UTF-8 text.
    case string
    /// 16 bytes, big-endian.
    case uuid
    /// A fixed number of bytes.
    case fixed(Int)
    /// Any bytes.
    case binary
    /// A decimal of this precision and scale.
    case decimal(precision: Int, scale: Int)
    /// Any other type, by its name (`variant`, `geometry`, ...). A commit preserves such columns of other writers;
    /// their values are neither read nor written.
    case other(String)
    /// A struct.
    case structure([SchemaField])
    /// A list.
    case list(elementID: Int, elementRequired: Bool, element: FieldType)
    /// A map.
    case map(keyID: Int, key: FieldType, valueID: Int, valueRequired: Bool, value: FieldType)
}

extension FieldType {
    private static let names: [(String, FieldType)] = [
        ("boolean", .boolean), ("int", .int), ("long", .long), ("float", .float), ("double", .double),
        ("date", .date), ("time", .time), ("timestamp", .timestamp), ("timestamptz", .timestamptz),
        ("timestamp_ns", .timestampNanoseconds), ("timestamptz_ns", .timestamptzNanoseconds),
        ("string", .string), ("uuid", .uuid), ("binary", .binary),
    ]

    /// The type with a name such as `long`, `fixed[16]` or `decimal(9, 2)`.
    package init(name: String) {
        if let known = Self.names.first(where: { $0.0 == name }) {
            self = known.1
        } else if let length = Self.numbers(in: name, "fixed[", "]"), length.count == 1 {
            self = .fixed(length[0])
        } else if let parts = Self.numbers(in: name, "decimal(", ")"), parts.count == 2, parts[0] <= 38 {
            self = .decimal(precision: parts[0], scale: parts[1])
        } else {
            self = .other(name)
        }
    }

    /// The name; nil for struct, list and map.
    package var name: String? {
        switch self {
        case .fixed(let length): "fixed[\(length)]"
        case .decimal(let precision, let scale): "decimal(\(precision), \(scale))"
        case .other(let name): name
        case .structure, .list, .map: nil
        default: Self.names.first { $0.1 == self }?.0
        }
    }

    private static func numbers(in name: String, _ prefix: String, _ suffix: String) -> [Int]? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        let parts = name.dropFirst(prefix.count).dropLast(suffix.count).split(separator: ",").map { part in
            Int32(part.filter { $0 != " " }).flatMap { $0 >= 0 ? Int($0) : nil }
        }
        return parts.contains(nil) ? nil : parts.compactMap { $0 }
    }
}

extension FieldType {
    private static let depthLimit = 64

    init(json: JSON, path: String, depth: Int = 0) throws(IcebergError) {
        guard depth < Self.depthLimit else { throw IcebergError(.malformed, "nests too deeply", in: path) }
        if let name = json.string {
            self = FieldType(name: name)
            return
        }
        var fields = try FieldReader(json, path)
        switch try fields.string("type") {
        case "struct":
            self = .structure(
                try fields.list("fields") { json, path throws(IcebergError) in
                    try SchemaField(json: json, path: path, depth: depth + 1)
                })
        case "list":
            self = .list(
                elementID: try fields.int("element-id"), elementRequired: try fields.bool("element-required"),
                element: try Self.part("element", &fields, depth))
        case "map":
            self = .map(
                keyID: try fields.int("key-id"), key: try Self.part("key", &fields, depth),
                valueID: try fields.int("value-id"), valueRequired: try fields.bool("value-required"),
                value: try Self.part("value", &fields, depth))
        case let other: throw IcebergError(.malformed, "'\(other)' is not a type", in: path)
        }
    }

    private static func part(_ key: String, _ fields: inout FieldReader, _ depth: Int) throws(IcebergError) -> FieldType
    {
        guard let json = fields.take(key) else { throw fields.error(key, "is missing") }
        return try FieldType(json: json, path: "\(fields.path).\(key)", depth: depth + 1)
    }

    var json: JSON {
        switch self {
        case .structure(let fields): .object(["type": .string("struct"), "fields": .array(fields.map(\.json))])
        case .list(let elementID, let elementRequired, let element):
            .object([
                "type": .string("list"), "element-id": .int(elementID), "element-required": .bool(elementRequired),
                "element": element.json,
            ])
        case .map(let keyID, let key, let valueID, let valueRequired, let value):
            .object([
                "type": .string("map"), "key-id": .int(keyID), "key": key.json, "value-id": .int(valueID),
                "value-required": .bool(valueRequired), "value": value.json,
            ])
        default: .string(name ?? "")
        }
    }

    /// The largest field id within the type; 0 when there is none.
    var highestID: Int {
        switch self {
        case .structure(let fields): fields.map { max($0.id, $0.type.highestID) }.max() ?? 0
        case .list(let id, _, let element): max(id, element.highestID)
        case .map(let keyID, let key, let valueID, _, let value):
            max(keyID, valueID, key.highestID, value.highestID)
        default: 0
        }
    }
}
