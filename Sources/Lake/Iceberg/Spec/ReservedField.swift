// Column ids that the specification reserves (https://iceberg.apache.org/spec/#reserved-field-ids).

/// A column that every table may have without declaring it.
package struct ReservedField: Sendable, Equatable {
    /// The reserved id.
    package let id: Int
    /// The reserved name.
    package let name: String
    /// The type.
    package let type: FieldType

    /// In position-delete files: the data file, required.
    package static let deletePath = ReservedField(id: 2_147_483_546, name: "file_path", type: .string)
    /// In position-delete files: the row's position in the data file, from 0, required.
    package static let deletePosition = ReservedField(id: 2_147_483_545, name: "pos", type: .long)
    /// The position of a row in its file; deletion vectors name it as their field.
    package static let rowPosition = ReservedField(id: 2_147_483_645, name: "_pos", type: .long)
    /// v3: the id of a row, for files that hold rows moved from others.
    package static let rowID = ReservedField(id: 2_147_483_540, name: "_row_id", type: .long)
    /// v3: the sequence number of the commit that last changed a row.
    package static let lastUpdatedSequenceNumber = ReservedField(
        id: 2_147_483_539, name: "_last_updated_sequence_number", type: .long)

    /// The columns of a position-delete file, in their order. Rows are sorted by path, then position.
    package static let positionDeleteColumns: [SchemaField] = [deletePath, deletePosition].map {
        SchemaField(id: $0.id, name: $0.name, required: true, type: $0.type)
    }
}
