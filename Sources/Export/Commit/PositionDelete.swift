// The content of position-delete files (https://iceberg.apache.org/spec/#position-delete-files).

import Iceberg
import Parquet
import State
import TableScan
import Tables

extension PositionDelete {
    /// A position-delete file of one data file.
    /// - Parameter positions: ascending, each once; not empty.
    static func file(
        _ positions: [UInt64], of dataFile: String
    ) throws -> (bytes: [UInt8], metrics: ParquetMetrics) {
        assert(!positions.isEmpty, "a delete file deletes a row")
        assert(zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }, "positions ascend")
        var bytes: [UInt8] = []
        let writer = try ParquetWriter(schema: schema) { bytes.append(contentsOf: $0) }
        let paths = try writer.bytes(0)
        let rows = try writer.int64(1)
        for position in positions {
            paths.append(dataFile)
            rows.append(Int64(position))
            try writer.endRow()
        }
        var metrics = ParquetMetrics(try writer.finish())
        // Readers match deletes to data files by these bounds, so they are not truncated.
        metrics.setTextBounds(ofColumn: ReservedField.deletePath.id, lower: dataFile, upper: dataFile)
        return (bytes, metrics)
    }
}
