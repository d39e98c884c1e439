// Random tables of every column type, and writing them through the writer's API.
import Parquet

/// One column of a random table, with its values in the form in which they are appended.
enum SampleValues {
    case boolean([Bool?])
    case int32([Int32?])
    case int64([Int64?])
    case float([Float?])
    case double([Double?])
    case bytes([[UInt8]?])

    var texts: [String?] {
        switch self {
        case .boolean(let values): values.map { $0.map { $0 ? "true" : "false" } }
        case .int32(let values): values.map { $0.map { String($0) } }
        case .int64(let values): values.map { $0.map { String($0) } }
        case .float(let values): values.map { $0.map { padded($0.bitPattern) } }
        case .double(let values): values.map { $0.map { padded($0.bitPattern) } }
        case .bytes(let values): values.map { $0.map { hex($0) } }
        }
    }
}

struct Sample {
    var schema: ParquetSchema
    var values: [SampleValues]
    var rowCount: Int

    var texts: [TextColumn] {
        zip(schema.columns, values).map {
            TextColumn(
                name: $0.name, type: $0.type.rawValue, optional: $0.isOptional, fieldID: $0.fieldID, values: $1.texts)
        }
    }

    /// A table of every type, required and optional, in every encoding the type has.
    static func random(rows: Int, distinct: Int, nulls: Double, _ random: inout Seeded) -> Sample {
        var sample = Sample(schema: ParquetSchema([]), values: [], rowCount: rows)
        for type in ColumnType.allCases {
            for isOptional in [false, true] {
                for encoding in [ColumnEncoding.dictionary, .plain, .delta] {
                    let isInteger = [.int32, .int64, .date, .timestampMicros].contains(type)
                    guard encoding != .delta || isInteger else { continue }
                    let id = Int32(sample.schema.columns.count + 1)
                    let name = "\(type)_\(encoding)\(isOptional ? "_or_null" : "")"
                    sample.schema.columns.append(
                        Column(name, type, isOptional: isOptional, fieldID: id, encoding: encoding))
                    sample.values.append(
                        Self.values(type, rows, distinct, isOptional ? nulls : 0, &random))
                }
            }
        }
        return sample
    }

    private static func values(
        _ type: ColumnType, _ rows: Int, _ distinct: Int, _ nulls: Double, _ random: inout Seeded
    ) -> SampleValues {
        func make<T>(_ value: (inout Seeded, Int) -> T) -> [T?] {
            (0..<rows).map { row in
                let isNull = nulls > 0 && Double.random(in: 0..<1, using: &random) < nulls
                let some = value(&random, row)
                return isNull ? nil : some
            }
        }
        switch type {
        case .boolean: return .boolean(make { random, _ in Bool.random(using: &random) })
        case .int32:
            return .int32(
                make { random, _ in
                    [Int32.max, .min, 0, Int32.random(in: 0..<Int32(distinct), using: &random)].randomElement(
                        using: &random) ?? 0
                })
        case .date: return .int32(make { random, row in Int32(row / 10) + Int32.random(in: 0...1, using: &random) })
        case .int64:
            return .int64(
                make { random, _ in
                    let some = Int64.random(in: 0..<Int64(distinct), using: &random)
                    return [Int64.max, .min, some, some, some].randomElement(using: &random) ?? 0
                })
        case .timestampMicros:
            return .int64(
                make { random, row in
                    1_700_000_000_000_000 + Int64(row) * 1000 + Int64.random(in: 0..<5000, using: &random)
                })
        case .float:
            return .float(
                make { random, _ in
                    [Float.infinity, -0.0, .nan, Float(Int.random(in: 0..<distinct, using: &random)) / 3].randomElement(
                        using: &random) ?? 0
                })
        case .double:
            return .double(
                make { random, _ in
                    [-Double.infinity, 0.0, .nan, Double(Int.random(in: 0..<distinct, using: &random)) / 3]
                        .randomElement(using: &random) ?? 0
                })
        case .string:
            return .bytes(make { random, _ in Array("wört \(Int.random(in: 0..<distinct, using: &random))".utf8) })
        case .binary:
            return .bytes(
                make { random, _ in
                    (0..<Int.random(in: 0..<20, using: &random)).map { _ in
                        UInt8(Int.random(in: 0..<min(distinct, 256), using: &random))
                    }
                })
        }
    }

    /// The file of this table, its columns written row by row.
    func file(_ options: WriterOptions) throws -> (bytes: [UInt8], summary: FileSummary) {
        let out = Collected()
        let writer = try ParquetWriter(schema: schema, options: options) { out.take($0) }
        let append = try values.indices.map { try appender(writer, $0) }
        for row in 0..<rowCount {
            for column in append { column(row) }
            try writer.endRow()
        }
        let summary = try writer.finish()
        return (out.bytes, summary)
    }

    private func appender(_ writer: ParquetWriter, _ index: Int) throws -> (Int) -> Void {
        switch values[index] {
        case .boolean(let values):
            let column = try writer.boolean(index)
            return { column.append(values[$0]) }
        case .int32(let values):
            let column = try writer.int32(index)
            return { column.append(values[$0]) }
        case .int64(let values):
            let column = try writer.int64(index)
            return { column.append(values[$0]) }
        case .float(let values):
            let column = try writer.float(index)
            return { column.append(values[$0]) }
        case .double(let values):
            let column = try writer.double(index)
            return { column.append(values[$0]) }
        case .bytes(let values):
            let column = try writer.bytes(index)
            return { row in if let value = values[row] { column.append(value) } else { column.appendNull() } }
        }
    }
}
