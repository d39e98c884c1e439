// A decoded column of one row group, with one entry per row.

/// The values of a column, one per row; zero, false or an empty byte string for null.
package enum ColumnValues: Sendable, Equatable {
    /// Booleans.
    case boolean([Bool])
    /// Values of int32 and date columns.
    case int32([Int32])
    /// Values of int64 and timestamp columns; timestamps in microseconds.
    case int64([Int64])
    /// Single-precision numbers.
    case float([Float])
    /// Double-precision numbers.
    case double([Double])
    /// Values of string and binary columns.
    case bytes(ByteStrings)
}

/// A decoded column of one row group.
@usableFromInline package struct ColumnChunk: Sendable, Equatable {
    /// The column in the file's schema.
    package let column: Column
    /// The values, one per row.
    package let values: ColumnValues
    /// For each row whether it has a value; empty when no row is null.
    @usableFromInline package let validity: [Bool]

    /// Whether the row is null. `row` counts from 0 within the row group.
    @inlinable
    package func isNull(_ row: Int) -> Bool { !validity.isEmpty && !validity[row] }

    /// The values of a boolean column; nil for other types.
    package var booleans: [Bool]? { if case .boolean(let values) = values { values } else { nil } }
    /// The values of an int32 or date column; nil for other types.
    package var int32s: [Int32]? { if case .int32(let values) = values { values } else { nil } }
    /// The values of an int64 or timestamp column; nil for other types.
    package var int64s: [Int64]? { if case .int64(let values) = values { values } else { nil } }
    /// The values of a string or binary column; nil for other types.
    package var byteStrings: ByteStrings? { if case .bytes(let values) = values { values } else { nil } }
}
