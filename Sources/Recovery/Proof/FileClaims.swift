// Checks a data file's partition values and column bounds in the manifest against its rows. Readers skip files by these
// values, so a wrong entry hides rows even if the rows are correct.

import Tables
import TableScan
import Iceberg
import Parquet

/// The manifest's claims about one file.
struct FileClaims {
    private let file: DataFile
    private let spec: PartitionSpec?
    private let schemas: [TableSchema]
    private var ranges: [Int: ClosedLiterals] = [:]

    private struct ClosedLiterals {
        var low: Literal
        var high: Literal
    }

    package init(_ file: DataFile, in metadata: TableMetadata) {
        self.file = file
        spec = metadata.spec(file.specID)
        schemas = metadata.schemas.reversed()
    }

    // MARK: Rows

    /// Notes that rows have values of a column from `low` to `high` (inclusive).
    package mutating func note(_ fieldID: Int, from low: Literal, to high: Literal) {
        guard var range = ranges[fieldID] else {
            ranges[fieldID] = ClosedLiterals(low: low, high: high)
            return
        }
        if low.isBefore(range.low) == true { range.low = low }
        if range.high.isBefore(high) == true { range.high = high }
        ranges[fieldID] = range
    }

    /// Notes the selected rows of a column of numbers.
    package mutating func note<Number: Comparable>(
        _ fieldID: Int, _ values: [Number], _ rows: RowSelection, _ literal: (Number) -> Literal
    ) {
        var (low, high): (Number?, Number?) = (nil, nil)
        for row in rows where row < values.count {
            let value = values[row]
            if low.map({ value < $0 }) ?? true { low = value }
            if high.map({ $0 < value }) ?? true { high = value }
        }
        if let low, let high { note(fieldID, from: literal(low), to: literal(high)) }
    }

    /// Notes the selected rows of a column of text. Looks at each dictionary entry once.
    package mutating func note(_ fieldID: Int, _ values: ByteStrings, _ rows: RowSelection) {
        guard values.entryCount > 0 else { return }
        var used = [Bool](repeating: false, count: values.entryCount)
        let entries = values.entries
        for row in rows { used[entries.isEmpty ? row : Int(entries[row])] = true }
        var (low, high): ([UInt8]?, [UInt8]?) = (nil, nil)
        for entry in used.indices where used[entry] {
            values.withEntry(entry) { bytes in
                if low.map({ bytes.lexicographicallyPrecedes($0) }) ?? true { low = Array(bytes) }
                if high.map({ $0.lexicographicallyPrecedes(bytes) }) ?? true { high = Array(bytes) }
            }
        }
        if let low, let high {
            note(
                fieldID, from: .string(String(decoding: low, as: UTF8.self)),
                to: .string(String(decoding: high, as: UTF8.self)))
        }
    }

    /// Notes the selected rows of a batch. Columns that were not read are skipped.
    package mutating func note(_ batch: CountsBatch) {
        note(1, batch.postcodes, batch.rows)
        note(2, batch.timestamps, batch.rows) { .long($0) }
        note(3, batch.counts, batch.rows) { .long($0) }
    }

    /// Notes the selected rows of a batch. Columns that were not read are skipped.
    package mutating func note(_ batch: RawBatch) {
        note(2, batch.postcodes, batch.rows)
        note(4, batch.timestamps, batch.rows) { .long($0) }
        note(5, batch.partitions, batch.rows) { .int($0) }
        note(6, batch.offsets, batch.rows) { .long($0) }
    }

    // MARK: Verdict

    /// The claims that are not true of the rows, in words.
    package func faults() -> [String] { partitionFaults() + boundFaults() }

    private func partitionFaults() -> [String] {
        guard let spec, spec.fields.count == file.partition.count else {
            return ["its partition is not of spec \(file.specID)"]
        }
        return zip(spec.fields, file.partition).compactMap { field, value in
            if field.transform == .void { return value == nil ? nil : "its partition \(field.name) is not null" }
            guard field.transform.isMonotonic, let range = ranges[field.sourceID], let type = type(of: field.sourceID)
            else { return nil }
            let (low, high) = (
                field.transform.apply(range.low, source: type), field.transform.apply(range.high, source: type)
            )
            guard low != value || high != value else { return nil }
            let rows = low == high ? Self.text(low) : "\(Self.text(low)) to \(Self.text(high))"
            return "its partition \(field.name) is \(Self.text(value)), its rows are of \(rows) "
                + "(\(field.transform.name), spec \(spec.id))"
        }
    }

    private func boundFaults() -> [String] {
        ranges.sorted { $0.key < $1.key }.flatMap { fieldID, range -> [String] in
            guard let type = type(of: fieldID) else { return [] }
            let name = schemas.lazy.compactMap { $0.field(id: fieldID)?.name }.first ?? "\(fieldID)"
            var faults: [String] = []
            if let bytes = file.metrics.lowerBounds[fieldID] {
                let bound = Literal(binary: bytes, type: type)
                if bound.map({ range.low.isBefore($0) ?? true }) ?? true {
                    faults.append(
                        "its lower bound of \(name) is \(Self.text(bound)), a row has \(Self.text(range.low))")
                }
            }
            if let bytes = file.metrics.upperBounds[fieldID] {
                let bound = Literal(binary: bytes, type: type)
                if bound.map({ $0.isBefore(range.high) ?? true }) ?? true {
                    faults.append(
                        "its upper bound of \(name) is \(Self.text(bound)), a row has \(Self.text(range.high))")
                }
            }
            return faults
        }
    }

    private func type(of fieldID: Int) -> FieldType? {
        schemas.lazy.compactMap { $0.field(id: fieldID)?.type }.first
    }

    private static func text(_ literal: Literal?) -> String {
        switch literal {
        case nil: "null"
        case .boolean(let value): "\(value)"
        case .int(let value): "\(value)"
        case .long(let value): "\(value)"
        case .float(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): "'\(value)'"
        case .bytes(let value): "\(value.count) bytes"
        }
    }
}
