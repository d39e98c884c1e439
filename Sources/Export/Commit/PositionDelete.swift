// Writes position-delete files (https://iceberg.apache.org/spec/#position-delete-files). `write` sorts the rows by path
// bytes, then position, as the specification requires.

package import State
import Base
import Iceberg
import Parquet
package import TableScan
import Tables

extension PositionDelete {
    /// Writes the deletes of one day to a local file.
    /// - Parameter specID: the partition spec of the data files.
    package static func write(
        _ deletes: [PositionDelete], day: Int, specID: Int, name: String, location: String, path: String
    ) throws -> ParquetUpload {
        SpoolFile.remove(path)
        let file = try SummedFile(path: path)
        let writer = try ParquetWriter(schema: schema) { try file.write($0) }
        let paths = try writer.bytes(0)
        let positions = try writer.int64(1)
        let sorted = deletes.sorted { a, b in
            a.path == b.path ? a.position < b.position : a.path.utf8.lexicographicallyPrecedes(b.path.utf8)
        }
        assert(zip(sorted, sorted.dropFirst()).allSatisfy { $0 != $1 }, "a row is deleted once")
        for delete in sorted {
            paths.append(delete.path)
            positions.append(delete.position)
            try writer.endRow()
        }
        var metrics = ParquetMetrics(try writer.finish())
        try file.finish()
        metrics.checksum = file.checksum
        // Readers match deletes to data files by these bounds, so the paths are not truncated.
        metrics.setTextBounds(
            ofColumn: ReservedField.deletePath.id, lower: sorted.first?.path, upper: sorted.last?.path)
        let isOfOneFile = sorted.first?.path == sorted.last?.path
        return ParquetUpload(
            name: name, location: location, day: day, metrics: metrics,
            referencedDataFile: isOfOneFile ? sorted.first?.path : nil, specID: specID)
    }
}
