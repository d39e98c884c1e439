// The summary of a written file, for a table format's manifest.

/// A column of a written file, over all row groups.
package struct ColumnSummary: Sendable, Equatable {
    /// The column in the schema.
    package var column: Column
    /// Size of the column's pages in the file, in bytes, including their headers.
    package var byteCount: Int
    /// Number of values, including nulls; equals the number of rows.
    package var valueCount: Int
    /// Null and NaN counts, and untruncated bounds. The bounds are nil when every row is null or NaN.
    package var statistics: ColumnStatistics
}

/// A written file.
package struct FileSummary: Sendable, Equatable {
    /// Size of the whole file, in bytes.
    package var byteCount: Int
    /// Number of rows.
    package var rowCount: Int
    /// The columns in schema order.
    package var columns: [ColumnSummary]
    /// The offset of each row group in the file, ascending; a reader may split the file there.
    package var splitOffsets: [Int]
}
