// Converts the metrics of a Parquet file from the writer's summary, and to a manifest entry.

import Foundation
package import Iceberg
package import Parquet
package import State

extension ParquetMetrics {
    /// The metrics from a writer's summary. Bounds of text columns are truncated as Iceberg allows.
    package init(_ summary: FileSummary) {
        let columns: [ColumnMetrics] = summary.columns.compactMap { column in
            guard let id = column.column.fieldID else { return nil }
            let isText = column.column.type == .string
            return ColumnMetrics(
                id: Int(id), bytes: Int64(column.byteCount), values: Int64(column.valueCount),
                nulls: Int64(column.statistics.nullCount ?? 0),
                lower: column.statistics.lower.map { isText ? Self.cut($0, Bounds.lower) : Data($0) },
                upper: column.statistics.upper.flatMap { isText ? Self.cutUpper($0) : Data($0) })
        }
        self.init(
            rows: Int64(summary.rowCount), bytes: Int64(summary.byteCount), columns: columns,
            splitOffsets: summary.splitOffsets.map { Int64($0) })
    }

    private static func cut(_ bytes: [UInt8], _ rule: (String, Int) -> String) -> Data {
        Data(rule(String(decoding: bytes, as: UTF8.self), Bounds.defaultLength).utf8)
    }

    private static func cutUpper(_ bytes: [UInt8]) -> Data? {
        Bounds.upper(String(decoding: bytes, as: UTF8.self)).map { Data($0.utf8) }
    }

    /// The manifest entry of the file.
    package func dataFile(
        content: FileContent = .data, location: String, specID: Int, partition: [Literal?]
    ) -> DataFile {
        var file = DataFile(
            content: content, path: location, specID: specID, partition: partition, recordCount: rows,
            fileSizeBytes: bytes)
        for column in columns {
            file.metrics.columnSizes[column.id] = column.bytes
            file.metrics.valueCounts[column.id] = column.values
            file.metrics.nullValueCounts[column.id] = column.nulls
            file.metrics.lowerBounds[column.id] = column.lower.map { [UInt8]($0) }
            file.metrics.upperBounds[column.id] = column.upper.map { [UInt8]($0) }
        }
        file.splitOffsets = splitOffsets
        return file
    }
}

extension ParquetMetrics {
    /// Replaces the bounds of a text column with untruncated values.
    package mutating func setTextBounds(ofColumn id: Int, lower: String?, upper: String?) {
        guard let index = columns.firstIndex(where: { $0.id == id }) else { return }
        columns[index].lower = lower.map { Data($0.utf8) }
        columns[index].upper = upper.map { Data($0.utf8) }
    }
}
