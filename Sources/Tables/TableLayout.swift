// What this writer assumes about a table and another engine may change: columns and partition spec. Checked on the
// metadata of every commit, before a file is written for it.
//
// Columns may be moved, described and made optional; optional ones may be added. Sort order and data path are re-read
// each time: files are not claimed to be sorted, and go where the table says. A data file holds one day, so any spec
// will do whose values follow from the day: day, month and year of the timestamp, void fields, or none at all.

package import Iceberg
package import State

extension ExportTable {
    /// The field id of the timestamp, of which the partitions are made.
    package var timestampID: Int { Int(self == .counts ? CountsBatch.timestampID : RawBatch.timestampID) }

    /// The partition of the rows of one day in a spec; nil when a day has rows of several, or of ones that are not
    /// computed.
    package func partition(ofDay day: Int, in spec: PartitionSpec) -> [Literal?]? {
        let (first, overflow) = Int64(day).multipliedReportingOverflow(by: Self.dayMicroseconds)
        guard !overflow, first <= Int64.max - Self.dayMicroseconds else { return nil }
        return spec.partition(
            from: .long(first), through: .long(first + Self.dayMicroseconds - 1), of: timestampID, type: .timestamptz)
    }

    /// Whether the one value of a spec is the day of the timestamp.
    package func isByDay(_ spec: PartitionSpec?) -> Bool {
        spec?.fields.count == 1 && spec?.fields.first?.transform == .day && spec?.fields.first?.sourceID == timestampID
    }

    /// The day that all rows of a data file are of, as its bounds say; nil when they are of several, or it does not
    /// say.
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
    /// - Throws: `TableError.otherSchema`.
    static func checkColumns(_ metadata: TableMetadata, _ kind: ExportTable, name: String) throws(TableError) {
        let expected = kind.icebergSchema
        guard let schema = metadata.currentSchema, obstacle(schema, expected) == nil else {
            throw TableError.otherSchema(
                table: name, expected: text(expected), found: metadata.currentSchema.map { text($0) } ?? "none",
                obstacle: metadata.currentSchema.flatMap { obstacle($0, expected) } ?? "it has no schema")
        }
    }

    /// - Throws: `TableError.otherPartitions`.
    static func checkPartitions(_ metadata: TableMetadata, _ kind: ExportTable, name: String) throws(TableError) {
        // Whether a spec has values for days does not depend on the day.
        guard let spec = metadata.defaultSpec, kind.partition(ofDay: 0, in: spec) != nil else {
            throw TableError.otherPartitions(
                table: name, spec: metadata.defaultSpec?.text(in: metadata.currentSchema) ?? "",
                specID: metadata.defaultSpecID)
        }
    }

    /// Why rows of ours cannot be written under a schema; nil when they can.
    private static func obstacle(_ schema: TableSchema, _ expected: TableSchema) -> String? {
        for field in expected.fields {
            guard let found = schema.field(id: field.id) else { return "column \(field.name) is gone" }
            guard found.name == field.name else { return "column \(field.name) is called \(found.name)" }
            guard found.type == field.type else {
                return "column \(field.name) is \(found.type.name ?? "nested"), not \(field.type.name ?? "")"
            }
            if found.required, !field.required { return "column \(field.name) is required, and may be null here" }
        }
        let ours = Set(expected.fields.map(\.id))
        for field in schema.fields where !ours.contains(field.id) {
            // Readers fill what a file does not have with the initial default.
            if field.hasOtherWriteDefault { return "column \(field.name) has a default for new rows" }
            if field.required, !field.hasInitialDefault { return "column \(field.name) is required, and unknown here" }
        }
        return nil
    }

    private static func text(_ schema: TableSchema) -> String {
        "(" + schema.fields.map { "\($0.id) \($0.name) \($0.type.name ?? "nested")" }.joined(separator: ", ") + ")"
    }

    /// Whether files of other writers may hold columns that ours do not have; they are then left as they are.
    package static func hasForeignColumns(_ metadata: TableMetadata, _ kind: ExportTable) -> Bool {
        let ours = Set(kind.icebergSchema.fields.map(\.id))
        return metadata.schemas.contains { $0.fields.contains { !ours.contains($0.id) } }
    }
}
