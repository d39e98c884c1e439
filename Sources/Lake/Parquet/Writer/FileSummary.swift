// What is known of a file once it is written: what a table format's manifest wants to know of it.

/// A column of a written file, all row groups together.
package struct ColumnSummary: Sendable, Equatable {
    /// The column as the schema has it.
    package var column: Column
    /// Bytes of the column's pages in the file, headers included.
    package var byteCount: Int
    /// Number of values, nulls included: the number of rows.
    package var valueCount: Int
    /// Null and NaN counts and untruncated bounds. The bounds are nil when no row has a value (NaN apart).
    package var statistics: ColumnStatistics
}

/// A file that was written.
package struct FileSummary: Sendable, Equatable {
    /// Bytes of the whole file.
    package var byteCount: Int
    /// Number of rows.
    package var rowCount: Int
    /// One for each column, in schema order.
    package var columns: [ColumnSummary]
    /// Where each row group starts in the file, ascending: where a reader may split it.
    package var splitOffsets: [Int]
}
