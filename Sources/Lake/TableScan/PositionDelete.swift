// Position-delete files (https://iceberg.apache.org/spec/#position-delete-files): which rows of which files are gone.
// Invariant: rows are sorted by path bytes, then position, as the specification asks.

import Iceberg
package import Parquet

/// One deleted row.
package struct PositionDelete: Equatable {
    package let path: String
    package let position: Int64

    /// From its parts.
    package init(path: String, position: Int64) {
        self.path = path
        self.position = position
    }

    package static let schema = ParquetSchema([
        Column(
            ReservedField.deletePath.name, .string, fieldID: Int32(ReservedField.deletePath.id)),
        Column(
            ReservedField.deletePosition.name, .int64, fieldID: Int32(ReservedField.deletePosition.id),
            encoding: .delta),
    ])
}
