// The rows and the schema of position-delete files (https://iceberg.apache.org/spec/#position-delete-files).
// Writers sort rows by the path's bytes, then by position.

import Iceberg
package import Parquet

/// One deleted row.
package struct PositionDelete: Equatable {
    /// The data file's location.
    package let path: String
    /// The row's position in the data file, from 0.
    package let position: Int64

    /// The row at `position` of the data file at `path`.
    package init(path: String, position: Int64) {
        self.path = path
        self.position = position
    }

    /// The columns of a position-delete file, both required.
    package static let schema = ParquetSchema([
        Column(
            ReservedField.deletePath.name, .string, fieldID: Int32(ReservedField.deletePath.id)),
        Column(
            ReservedField.deletePosition.name, .int64, fieldID: Int32(ReservedField.deletePosition.id),
            encoding: .delta),
    ])
}
