// Reads the live rows of one data file, one row group at a time. Skips row groups that statistics prove to hold no
// wanted row. Memory is bounded by one row group and the deletes of this file.
// Invariant: a batch's positions count from the start of the file, including rows skipped before.

package import Iceberg
package import Parquet

/// Reads one data file. Not thread-safe.
package final class DataFileReader<Batch: RowBatch> {
    /// The data file.
    package let file: DataFile
    private let reader: ParquetReader
    private let columns: ColumnSet
    private let times: ClosedRange<Int64>?
    /// Positions of deleted rows, ascending, each once.
    private let deleted: [UInt64]
    private var nextDeleted = 0
    private var nextGroup = 0
    /// The position in the file of the next row group's first row.
    private var nextPosition = 0
    /// Row groups that may hold a row in `times`; nil: all.
    private let wanted: Set<Int>?

    /// Opens a data file.
    /// - Parameters:
    ///   - deleted: positions of deleted rows, from 0, ascending, each once.
    ///   - times: wanted timestamps in microseconds since 1970-01-01 UTC, both ends inclusive; nil: all.
    /// - Throws: `TableReadError` when the file is not valid Parquet or its row count differs from its manifest's;
    ///   errors of the source.
    package init(
        _ file: DataFile, _ source: any ByteSource, deleted: [UInt64], columns: ColumnSet, times: ClosedRange<Int64>?
    ) throws {
        assert(zip(deleted, deleted.dropFirst()).allSatisfy { $0 < $1 }, "deleted positions are ascending")
        self.file = file
        self.deleted = deleted
        self.columns = columns
        self.times = times
        let reader = try TableReadError.naming(file.path) { try ParquetReader(source) }
        self.reader = reader
        guard Int64(reader.rowCount) == file.recordCount else {
            throw TableReadError(
                file: file.path, reason: "it has \(reader.rowCount) rows, its manifest says \(file.recordCount)")
        }
        let schema = Batch.schema
        let column =
            times == nil ? nil : RowGroupColumns.index(of: Batch.timestampID, in: reader, expected: schema)
        wanted = column.flatMap { column in times.map { Set(reader.rowGroups(column: column, within: $0)) } }
    }

    /// The next row group with wanted rows; nil at the end of the file.
    /// - Throws: `TableReadError` for rows that cannot be read, `CancellationError` between row groups, errors of the
    ///   source.
    package func next() throws -> Batch? {
        while nextGroup < reader.rowGroups.count {
            try Task.checkCancellation()
            let (group, first) = (nextGroup, nextPosition)
            let count = reader.rowGroups[group].rowCount
            nextGroup += 1
            nextPosition += count
            let gone = takeDeleted(before: UInt64(nextPosition))
            guard wanted?.contains(group) ?? true, gone.count < count else { continue }
            let batch = try TableReadError.naming(file.path) {
                try read(group, first, RowSelection(count: count, first: first, without: gone))
            }
            if batch.rows.count > 0 { return batch }
        }
        assert(nextPosition == reader.rowCount, "positions count every row of the file")
        return nil
    }

    private func takeDeleted(before end: UInt64) -> ArraySlice<UInt64> {
        let start = nextDeleted
        while nextDeleted < deleted.count, deleted[nextDeleted] < end { nextDeleted += 1 }
        return deleted[start..<nextDeleted]
    }

    private func read(_ group: Int, _ first: Int, _ rows: RowSelection) throws -> Batch {
        let source = RowGroupColumns(
            reader: reader, group: group, firstPosition: Int64(first), file: file.path,
            expected: Batch.schema)
        guard let times else { return try Batch(source, rows, columns) }
        let inTime = rows.within(times, try source.int64(Batch.timestampID).values)
        return try Batch(source, inTime, inTime.count == 0 ? [] : columns)
    }
}
