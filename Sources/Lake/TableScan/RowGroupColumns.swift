// Reads the columns of one row group by field id, which stays when a column is renamed. In a file without field ids,
// which other writers may produce, columns are found by name (https://iceberg.apache.org/spec/#column-projection).

package import Parquet

/// Reads columns of a row group.
package struct RowGroupColumns {
    /// The open data file.
    package let reader: ParquetReader
    /// The index of the row group.
    package let group: Int
    /// The position in the file, from 0, of the group's first row.
    package let firstPosition: Int64
    /// The file's location, for error messages.
    package let file: String
    /// The columns as the table defines them.
    package let expected: ParquetSchema

    /// The index of a column in the file's schema; nil when the file lacks it.
    package static func index(of fieldID: Int32, in reader: ParquetReader, expected: ParquetSchema) -> Int? {
        if let index = reader.schema.index(fieldID: fieldID) { return index }
        guard reader.schema.columns.allSatisfy({ $0.fieldID == nil }),
            let column = expected.index(fieldID: fieldID)
        else { return nil }
        return reader.schema.index(named: expected.columns[column].name)
    }

    private func chunk(_ fieldID: Int32) throws -> ColumnChunk {
        let wanted = expected.index(fieldID: fieldID).map { expected.columns[$0] }
        guard let index = Self.index(of: fieldID, in: reader, expected: expected) else {
            if let name = wanted?.name, let type = reader.unreadableType(named: name) {
                throw TableReadError(file: file, reason: "its column \(name) is \(type), which cannot be read")
            }
            throw TableReadError(file: file, reason: "it has no column with field id \(fieldID)")
        }
        let found = reader.schema.columns[index]
        if let wanted, !Self.agree(found.type, wanted.type) {
            throw TableReadError(
                file: file,
                reason: "its column \(found.name) is \(found.type.rawValue), not \(wanted.type.rawValue)")
        }
        return try reader.read(column: index, rowGroup: group)
    }

    /// Whether a file's column can be read as the table's. A writer may omit the annotation of a string.
    private static func agree(_ found: ColumnType, _ wanted: ColumnType) -> Bool {
        let texts: Set<ColumnType> = [.string, .binary]
        return found == wanted || texts.isSuperset(of: [found, wanted])
    }

    private func mismatch(_ fieldID: Int32, _ expected: String) -> TableReadError {
        TableReadError(file: file, reason: "the column with field id \(fieldID) does not hold \(expected)")
    }

    /// The values of a 64-bit column, and for each row whether it has one; `validity` is empty when all have.
    /// - Throws: `TableReadError` when the column is missing or of another type; errors of the reader.
    package func int64(_ fieldID: Int32) throws -> (values: [Int64], validity: [Bool]) {
        let chunk = try chunk(fieldID)
        guard let values = chunk.int64s else { throw mismatch(fieldID, "64-bit integers") }
        return (values, chunk.validity)
    }

    /// The values of a 32-bit column, 0 for null; see `int64(_:)`.
    package func int32(_ fieldID: Int32) throws -> [Int32] {
        guard let values = try chunk(fieldID).int32s else { throw mismatch(fieldID, "32-bit integers") }
        return values
    }

    /// The values of a boolean column, false for null; see `int64(_:)`.
    package func boolean(_ fieldID: Int32) throws -> [Bool] {
        guard let values = try chunk(fieldID).booleans else { throw mismatch(fieldID, "booleans") }
        return values
    }

    /// The values of a string or binary column; see `int64(_:)`.
    package func bytes(_ fieldID: Int32) throws -> (values: ByteStrings, validity: [Bool]) {
        let chunk = try chunk(fieldID)
        guard let values = chunk.byteStrings else { throw mismatch(fieldID, "text") }
        return (values, chunk.validity)
    }
}
