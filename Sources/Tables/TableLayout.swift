// Checks the properties of a table that other engines may change: columns and partition spec. The exporter checks the
// metadata for every commit before it writes a file.
//
// Other engines may move columns, describe them, make them optional, and add optional ones. The exporter re-reads sort
// order and data path for each commit: it does not declare files as sorted, and it writes to the table's data path. A
// data file has the rows of one day, so any spec works whose values follow from the day: day, month or year of the
// timestamp, void fields, or no fields.

package import Iceberg
package import State

extension ExportTable {
    /// The field id of the timestamp, the source of the partitions.
    package var timestampID: Int { Int(self == .counts ? CountsBatch.timestampID : RawBatch.timestampID) }

    /// The partition of the rows of one day under a spec; nil when these are in several partitions, or the spec has a
    /// transform that this program does not compute.
    /// - Parameter day: days since 1970-01-01.
    package func partition(ofDay day: Int, in spec: PartitionSpec) -> [Literal?]? {
        let (first, overflow) = Int64(day).multipliedReportingOverflow(by: Self.dayMicroseconds)
        guard !overflow, first <= Int64.max - Self.dayMicroseconds else { return nil }
        return spec.partition(
            from: .long(first), through: .long(first + Self.dayMicroseconds - 1), of: timestampID, type: .timestamptz)
    }

    /// Whether the spec has one field, the day of the timestamp.
    package func isByDay(_ spec: PartitionSpec?) -> Bool {
        spec?.fields.count == 1 && spec?.fields.first?.transform == .day && spec?.fields.first?.sourceID == timestampID
    }

    /// The day of all rows of a data file, from its bounds, in days since 1970-01-01; nil when the rows are of several
    /// days or the file has no bounds.
    package func day(of file: DataFile) -> Int? {
        guard let low = bound(file.metrics.lowerBounds), let high = bound(file.metrics.upperBounds) else { return nil }
        let day = Transform.day
        guard case .int(let first)? = day.apply(low, source: .timestamptz), low.isBefore(high) ?? false || low == high,
            day.apply(high, source: .timestamptz) == .int(first)
        else { return nil }
        return Int(first)
    }

    private func bound(_ bounds: [Int: [UInt8]]) -> Literal? {
        bounds[timestampID].flatMap { Literal(binary: $0, type: .timestamptz) }
    }

    private static let dayMicroseconds: Int64 = 86_400_000_000
}

/// Checks a table's columns and partition spec.
package enum TableLayout {
    /// - Throws: `TableError.otherSchema` when rows of this program cannot be written to the table's columns.
    static func checkColumns(_ metadata: TableMetadata, _ kind: ExportTable, name: String) throws(TableError) {
        let expected = kind.icebergSchema
        guard let schema = metadata.currentSchema, obstacle(schema, expected) == nil else {
            throw TableError.otherSchema(
                table: name, expected: text(expected), found: metadata.currentSchema.map { text($0) } ?? "none",
                obstacle: metadata.currentSchema.flatMap { obstacle($0, expected) } ?? "it has no schema")
        }
    }

    /// - Throws: `TableError.otherPartitions` when the rows of a day are in several partitions.
    static func checkPartitions(_ metadata: TableMetadata, _ kind: ExportTable, name: String) throws(TableError) {
        // The result is the same for every day.
        guard let spec = metadata.defaultSpec, kind.partition(ofDay: 0, in: spec) != nil else {
            throw TableError.otherPartitions(
                table: name, spec: metadata.defaultSpec?.text(in: metadata.currentSchema) ?? "",
                specID: metadata.defaultSpecID)
        }
    }

    /// Why rows of this program cannot be written under a schema; nil when they can.
    private static func obstacle(_ schema: TableSchema, _ expected: TableSchema) -> String? {
        for field in expected.fields {
            guard let found = schema.field(id: field.id) else { return "column \(field.name) is gone" }
            guard found.name == field.name else { return "column \(field.name) is called \(found.name)" }
            guard found.type == field.type else {
                return "column \(field.name) is \(found.type.name ?? "nested"), not \(field.type.name ?? "")"
            }
            if found.required, !field.required {
                return "column \(field.name) is required, but this program may write null"
            }
        }
        let ours = Set(expected.fields.map(\.id))
        for field in schema.fields where !ours.contains(field.id) {
            // Readers use the initial default for a column that a file lacks.
            if field.hasOtherWriteDefault { return "column \(field.name) has a default for new rows" }
            if field.required, !field.hasInitialDefault {
                return "column \(field.name) is required, but this program does not write it"
            }
        }
        return nil
    }

    private static func text(_ schema: TableSchema) -> String {
        "(" + schema.fields.map { "\($0.id) \($0.name) \($0.type.name ?? "nested")" }.joined(separator: ", ") + ")"
    }

    /// Whether files of other writers may have columns that this program does not know. Such files are not rewritten.
    package static func hasForeignColumns(_ metadata: TableMetadata, _ kind: ExportTable) -> Bool {
        let ours = Set(kind.icebergSchema.fields.map(\.id))
        return metadata.schemas.contains { $0.fields.contains { !ours.contains($0.id) } }
    }
}
