// A decoded Avro value. A record's values are in the order of the reader's fields: the plan asserts that each field
// has exactly one source. A map, in either of its written forms, is a list of key-value records.

/// A value of an Avro schema.
package enum AvroValue: Sendable, Equatable {
    /// No value.
    case null
    /// True or false.
    case boolean(Bool)
    /// An `int` or a `long`.
    case integer(Int64)
    /// A `float`.
    case float(Float)
    /// A `double`.
    case double(Double)
    /// A `bytes` or a `fixed`.
    case bytes([UInt8])
    /// A `string` or the symbol of an `enum`.
    case string(String)
    /// The elements of an `array`, or the entries of a `map` as key-value records.
    case array([AvroValue])
    /// The values of a record's fields.
    case record([AvroValue])
}

extension AvroValue {
    /// Whether the value is null.
    package var isNull: Bool { self == .null }

    /// The boolean, or nil.
    package var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }

    /// The integer, or nil.
    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

    /// The bytes, or nil.
    package var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }

    /// The text, or nil.
    package var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The elements, or nil.
    package var array: [AvroValue]? { if case .array(let values) = self { values } else { nil } }

    /// The values of the fields, or nil.
    package var record: [AvroValue]? { if case .record(let values) = self { values } else { nil } }

    /// The value's kind in error messages.
    var label: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .integer: "an integer"
        case .float: "a float"
        case .double: "a double"
        case .bytes: "bytes"
        case .string: "a string"
        case .array: "a list"
        case .record: "a record"
        }
    }
}
