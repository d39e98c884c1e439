// Flat schemas: a row is a list of named, typed columns, each required or optional. No nesting.

/// What a column holds. Raw values are stable names for messages.
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

/// How the writer encodes a column's values. The reader takes whatever the file has.
package enum ColumnEncoding: Sendable {
    /// A dictionary per row group, given up for `plain` when it grows beyond the limit or does not pay. Booleans are plain.
    case dictionary
    /// Values as they are.
    case plain
    /// Bit-packed differences (DELTA_BINARY_PACKED), for int32, int64, date and timestamp columns that grow slowly.
    case delta
}

/// One column of a flat schema.
package struct Column: Sendable, Equatable {
    /// The column's name, unique in the schema.
    package var name: String
    /// What it holds.
    package var type: ColumnType
    /// Whether a row may have no value (null).
    package var isOptional: Bool
    /// The field id that table formats such as Iceberg use to find the column, whatever its name.
    package var fieldID: Int32?
    /// How the writer encodes it.
    package var encoding: ColumnEncoding
    /// Of a timestamp column of a file: it has milliseconds there. What the reader gives are microseconds all the same.
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
