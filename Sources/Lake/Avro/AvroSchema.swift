// Avro schemas (https://avro.apache.org/docs/1.11.1/specification/) as table formats use them. Every attribute is
// kept: `field-id`, `element-id`, `key-id`, `value-id`, `logicalType`, `adjust-to-utc` and unknown ones.
// Named types are resolved where they are used. An enum's value is a finite tree, so a recursive schema cannot exist.

/// An Avro schema.
package indirect enum AvroSchema: Sendable, Equatable {
    /// A primitive type, with attributes such as `logicalType`.
    case primitive(Primitive, attributes: [String: JSON] = [:])
    /// A named type of `size` bytes.
    case fixed(name: String, size: Int, attributes: [String: JSON] = [:])
    /// A named type whose values are one of `symbols`.
    case enumeration(name: String, symbols: [String], attributes: [String: JSON] = [:])
    /// A named type with fields.
    case record(Record)
    /// A list. `element-id` is an attribute; with the `logicalType` `map` it is a map stored as key-value records.
    case array(AvroSchema, attributes: [String: JSON] = [:])
    /// A map with string keys.
    case map(AvroSchema, attributes: [String: JSON] = [:])
    /// One of several schemas.
    case union([AvroSchema])

    /// The primitive types.
    package enum Primitive: String, Sendable, CaseIterable {
        /// No value.
        case null
        /// True or false.
        case boolean
        /// 32-bit signed.
        case int
        /// 64-bit signed.
        case long
        /// IEEE 754, 32 bits.
        case float
        /// IEEE 754, 64 bits.
        case double
        /// Any bytes.
        case bytes
        /// UTF-8 text.
        case string
    }

    /// A record: a name, and fields in the order of their encoding.
    package struct Record: Sendable, Equatable {
        /// The full name, including the namespace.
        package var name: String
        /// The fields.
        package var fields: [Field]
        /// Attributes other than name and fields.
        package var attributes: [String: JSON]

        /// A record with these fields.
        package init(name: String, fields: [Field], attributes: [String: JSON] = [:]) {
            self.name = name
            self.fields = fields
            self.attributes = attributes
        }
    }

    /// One field of a record.
    package struct Field: Sendable, Equatable {
        /// The name.
        package var name: String
        /// The schema of its values.
        package var schema: AvroSchema
        /// The value a reader uses when the writer's schema lacks the field.
        package var defaultValue: JSON?
        /// Attributes other than name, type and default, such as `field-id`.
        package var attributes: [String: JSON]

        /// A field; `id` becomes the attribute `field-id`.
        package init(
            _ name: String, _ schema: AvroSchema, id: Int? = nil, default defaultValue: JSON? = nil,
            attributes: [String: JSON] = [:]
        ) {
            self.name = name
            self.schema = schema
            self.defaultValue = defaultValue
            self.attributes = attributes
            if let id { self.attributes["field-id"] = .integer(Int64(id)) }
        }

        /// The attribute `field-id`.
        package var id: Int? { attributes["field-id"]?.integer.flatMap(Int.init(exactly:)) }
    }
}

extension AvroSchema {
    /// No value.
    package static let null = AvroSchema.primitive(.null)
    /// True or false.
    package static let boolean = AvroSchema.primitive(.boolean)
    /// 32-bit signed.
    package static let int = AvroSchema.primitive(.int)
    /// 64-bit signed.
    package static let long = AvroSchema.primitive(.long)
    /// 32-bit floating point.
    package static let float = AvroSchema.primitive(.float)
    /// 64-bit floating point.
    package static let double = AvroSchema.primitive(.double)
    /// Any bytes.
    package static let bytes = AvroSchema.primitive(.bytes)
    /// UTF-8 text.
    package static let string = AvroSchema.primitive(.string)

    /// A union of null and `schema`, null first, as table formats write optional fields.
    package static func optional(_ schema: AvroSchema) -> AvroSchema { .union([.null, schema]) }

    /// A map with keys of any type: a list of key-value records with the `logicalType` `map`.
    package static func entries(
        name: String, key: AvroSchema, keyID: Int, value: AvroSchema, valueID: Int
    ) -> AvroSchema {
        let record = Record(name: name, fields: [Field("key", key, id: keyID), Field("value", value, id: valueID)])
        return .array(.record(record), attributes: ["logicalType": .string("map")])
    }

    /// The name of a named type.
    var name: String? {
        switch self {
        case .fixed(let name, _, _), .enumeration(let name, _, _): name
        case .record(let record): record.name
        default: nil
        }
    }

    /// The schema's name in error messages.
    var label: String {
        switch self {
        case .primitive(let primitive, _): primitive.rawValue
        case .fixed(let name, let size, _): "fixed \(name) of \(size) bytes"
        case .enumeration(let name, _, _): "enum \(name)"
        case .record(let record): "record \(record.name)"
        case .array: "array"
        case .map: "map"
        case .union: "union"
        }
    }
}
