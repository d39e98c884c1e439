// One row group of a data file as typed columns. Rows are picked by the batch's selection; the columns hold deleted rows too, so
// that a row's index stays its place.

package import Parquet

/// Columns of a table, by field id.
package struct ColumnSet: OptionSet {
    package let rawValue: UInt32
    /// Every column.
    package static let all = ColumnSet(rawValue: .max)

    package init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The column of a field id, 1 ... 31.
    package init(fieldID: Int32) { rawValue = 1 << UInt32(fieldID) }
}

/// A batch of rows of one of the tables.
package protocol RowBatch {
    /// The columns as the table has them.
    static var schema: ParquetSchema { get }
    /// The field id of its timestamp column.
    static var timestampID: Int32 { get }
    /// Reads the wanted columns of a row group.
    init(_ group: RowGroupColumns, _ rows: RowSelection, _ columns: ColumnSet) throws
    /// The selected rows.
    var rows: RowSelection { get }
    /// The position in the data file of the batch's row 0.
    var firstPosition: Int64 { get }
}

extension RowBatch {
    /// The position of a row in the data file.
    @inline(__always)
    package func position(_ row: Int) -> Int64 { firstPosition &+ Int64(row) }
}
