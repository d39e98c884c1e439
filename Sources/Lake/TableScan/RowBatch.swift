// One row group of a data file as typed columns. The columns include deleted rows, so a row's index is its place in
// the row group; the batch's selection names the live ones.

package import Parquet

/// A set of columns, by field id.
package struct ColumnSet: OptionSet {
    /// Bit n is the column with field id n.
    package let rawValue: UInt32
    /// Every column.
    package static let all = ColumnSet(rawValue: .max)

    /// The columns whose bits are set.
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The column with a field id in 1 ... 31.
    package init(fieldID: Int32) {
        precondition((1...31).contains(fieldID), "a column set holds field ids 1 ... 31")
        rawValue = 1 << UInt32(fieldID)
    }
}

/// A batch of rows of one table.
package protocol RowBatch {
    /// The columns as the table defines them.
    static var schema: ParquetSchema { get }
    /// The field id of the timestamp column.
    static var timestampID: Int32 { get }
    /// Reads the wanted columns of a row group.
    init(_ group: RowGroupColumns, _ rows: RowSelection, _ columns: ColumnSet) throws
    /// The selected rows.
    var rows: RowSelection { get }
    /// The position in the data file, from 0, of the batch's row 0.
    var firstPosition: Int64 { get }
}

extension RowBatch {
    /// The position in the data file of a row, both counted from 0.
    @inline(__always)
    package func position(_ row: Int) -> Int64 { firstPosition &+ Int64(row) }
}
