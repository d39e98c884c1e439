// The files of a prepared commit in the form of the table format.

package import Iceberg
package import State
package import Tables

extension ParquetUpload {
    /// The manifest entry of a data file, with the table's default spec.
    /// - Throws: `TableError.otherPartitions` when the spec is unknown or not by day.
    package func dataFile(
        _ kind: ExportTable, in metadata: TableMetadata, table: String
    ) throws(TableError) -> DataFile {
        let id = metadata.defaultSpecID
        guard let spec = metadata.spec(id), let partition = kind.partition(ofDay: day, in: spec) else {
            throw TableError.otherPartitions(
                table: table, spec: metadata.spec(id)?.text(in: metadata.currentSchema) ?? "", specID: id)
        }
        return metrics.dataFile(location: location, specID: id, partition: partition)
    }
}

extension DeleteName {
    package init(_ file: DataFile) { self.init(path: file.key.path, offset: file.key.contentOffset) }

    package var key: DataFile.Key { DataFile.Key(path: path, contentOffset: offset) }

    /// The delete files of a data file, ordered by path and content offset.
    package static func all(of task: ScanTask) -> [DeleteName] {
        ((task.deletionVector.map { [$0] } ?? []) + task.positionDeletes).map { DeleteName($0) }
            .sorted { ($0.path, $0.offset ?? 0) < ($1.path, $1.offset ?? 0) }
    }
}
