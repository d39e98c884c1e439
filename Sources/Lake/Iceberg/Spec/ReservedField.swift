// Column ids that the specification reserves (https://iceberg.apache.org/spec/#reserved-field-ids).

/// A column with a reserved field id, which table schemas do not declare.
package struct ReservedField: Sendable, Equatable {
    /// The reserved id.
    package let id: Int
    /// The reserved name.
    package let name: String

    /// The data file's location in position-delete files; a required string.
    package static let deletePath = ReservedField(id: 2_147_483_546, name: "file_path")
    /// The row's position in the data file, from 0, in position-delete files; a required long.
    package static let deletePosition = ReservedField(id: 2_147_483_545, name: "pos")
    /// The position of a row in its file, from 0; the field of deletion vectors; a long.
    package static let rowPosition = ReservedField(id: 2_147_483_645, name: "_pos")
}
