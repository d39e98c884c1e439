// Flat schemas: a row is a list of named, typed columns, each required or optional, without nesting.

/// The type of a column's values. The raw value is its name in messages.
package enum ColumnType: String, Sendable, CaseIterable {
    /// True or false.
    case boolean
    /// 32-bit signed integers.
    case int32
    /// 64-bit signed integers.
    case int64
    /// IEEE 754 single precision.
    case float
    /// IEEE 754 double precision.
    case double
    /// UTF-8 text.
    case string
    /// Any bytes.
    case binary
    /// Microseconds since 1970-01-01T00:00:00Z, adjusted to UTC.
    case timestampMicros
    /// Days since 1970-01-01.
    case date
}

/// The writer's encoding of a column's values. The reader ignores it and follows the file.
package enum ColumnEncoding: Sendable {
    /// A dictionary per row group. The writer switches to `plain` when the dictionary exceeds its limit or saves
    /// nothing. Booleans are always plain.
    case dictionary
    /// Values without encoding (PLAIN).
    case plain
    /// Bit-packed differences (DELTA_BINARY_PACKED), for int32, int64, date and timestamp columns whose values differ
    /// little from row to row.
    case delta
}

/// One column of a flat schema.
package struct Column: Sendable, Equatable {
    /// The column's name, unique in the schema.
    package var name: String
    /// The type of its values.
    package var type: ColumnType
    /// Whether a row may be null.
    package var isOptional: Bool
    /// The field id by which table formats such as Iceberg find the column.
    package var fieldID: Int32?
    /// The writer's encoding.
    package var encoding: ColumnEncoding
    /// Whether the file stores this timestamp column in milliseconds. The reader converts them to microseconds.
    package internal(set) var isInMilliseconds = false

    /// A column; see the properties.
    package init(
        _ name: String, _ type: ColumnType, isOptional: Bool = false, fieldID: Int32? = nil,
        encoding: ColumnEncoding = .dictionary
    ) {
        self.name = name
        self.type = type
        self.isOptional = isOptional
        self.fieldID = fieldID
        self.encoding = encoding
    }
}

/// A flat schema.
package struct ParquetSchema: Sendable, Equatable {
    /// The columns in file order.
    package var columns: [Column]

    /// A schema of `columns`.
    package init(_ columns: [Column]) { self.columns = columns }

    /// The index of the column named `name`, or nil.
    package func index(named name: String) -> Int? { columns.firstIndex { $0.name == name } }

    /// The index of the column with field id `id`, or nil.
    package func index(fieldID id: Int32) -> Int? { columns.firstIndex { $0.fieldID == id } }
}
