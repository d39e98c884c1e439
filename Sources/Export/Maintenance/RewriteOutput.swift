// The new data files of a rewrite: live rows, copied batch by batch.

import Tables
import TableScan
import Base
import Parquet
import State

/// A new data file that is being written.
protocol RewriteOutput {
    associatedtype Batch: RowBatch
    /// Number of rows written so far.
    var rows: Int64 { get }
    /// Copies the selected rows of a batch.
    func append(_ batch: Batch) throws
    /// Completes the file and makes it durable.
    func finish() throws -> ParquetMetrics
}

/// A new data file of the counts table.
final class CountsOutput: RewriteOutput {
    private(set) var rows: Int64 = 0
    private let file: SummedFile
    private let writer: ParquetWriter
    private let postcodes: BytesColumn
    private let timestamps: ScalarColumn<Int64>
    private let counts: ScalarColumn<Int64>

    /// - Parameter path: the local file; an existing file is replaced.
    package init(path: String) throws {
        SpoolFile.remove(path)
        let file = try SummedFile(path: path)
        self.file = file
        writer = try ParquetWriter(schema: ExportTable.counts.parquetSchema) { try file.write($0) }
        postcodes = try writer.bytes(0)
        timestamps = try writer.int64(1)
        counts = try writer.int64(2)
    }

    package func append(_ batch: CountsBatch) throws {
        for row in batch.rows {
            batch.postcodes.withBytes(row) { postcodes.append($0) }
            timestamps.append(batch.timestamp(row).rawValue)
            counts.append(batch.counts[row])
            try writer.endRow()
        }
        rows += Int64(batch.rows.count)
    }

    package func finish() throws -> ParquetMetrics {
        var metrics = ParquetMetrics(try writer.finish())
        try file.finish()
        metrics.checksum = file.checksum
        return metrics
    }
}

/// A new data file of the raw table.
final class RawOutput: RewriteOutput {
    private(set) var rows: Int64 = 0
    private let file: DayFile

    /// - Parameter path: the local file; an existing file is replaced.
    package init(path: String) throws {
        SpoolFile.remove(path)
        file = try DayFile(path: path)
    }

    package func append(_ batch: RawBatch) throws {
        for row in batch.rows {
            try batch.postcodes.withBytes(row) { postcode in
                try batch.webpages.withBytes(row) { webpage in
                    try file.append(
                        userID: batch.userID(row), postcode: postcode, webpage: batch.hasWebpage(row) ? webpage : nil,
                        time: batch.time(row), partition: batch.partition(row), offset: batch.offset(row),
                        isLate: batch.late[row])
                }
            }
        }
        rows += Int64(batch.rows.count)
    }

    package func finish() throws -> ParquetMetrics { try file.finish() }
}
