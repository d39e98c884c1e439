// The schema as the footer lists it (parquet.thrift, SchemaElement): a tree in depth-first order whose root is the row.

struct SchemaElement {
    /// What the annotations say of a physical type, as far as this target tells them apart.
    enum Annotation { case none, string, date, timestampMicrosUTC, other }

    var physical: PhysicalType?
    var repetition: Int32?
    var name = ""
    var childCount = 0
    var fieldID: Int32?
    var annotation = Annotation.none

    /// The type of a top-level column; an annotation that has no type of its own leaves the physical one.
    var columnType: ColumnType? {
        switch (physical, annotation) {
        case (.boolean, _): .boolean
        case (.int32, .date): .date
        case (.int32, _): .int32
        case (.int64, .timestampMicrosUTC): .timestampMicros
        case (.int64, _): .int64
        case (.float, _): .float
        case (.double, _): .double
        case (.byteArray, .string): .string
        case (.byteArray, _): .binary
        default: nil
        }
    }

    static func read(_ reader: inout CompactReader) throws -> SchemaElement {
        var element = SchemaElement()
        try reader.structure { reader, id, type in
            switch id {
            case 1:
                let raw = try reader.i32(type)
                guard let physical = PhysicalType(rawValue: raw) else { throw reader.corrupt("physical type \(raw)") }
                element.physical = physical
            case 3: element.repetition = try reader.i32(type)
            case 4: element.name = try reader.string(type)
            case 5: element.childCount = try reader.natural(type)
            case 6: element.note(converted: try reader.i32(type))
            case 9: element.fieldID = try reader.i32(type)
            case 10 where type == .structure: element.annotation = try readLogical(&reader)
            default: return false
            }
            return true
        }
        return element
    }

    /// The older annotation, for files that have no other.
    private mutating func note(converted: Int32) {
        guard annotation == .none else { return }
        switch converted {
        case ConvertedType.utf8: annotation = .string
        case ConvertedType.date: annotation = .date
        case ConvertedType.timestampMicros: annotation = .timestampMicrosUTC
        default: annotation = .other
        }
    }

    private static func readLogical(_ reader: inout CompactReader) throws -> Annotation {
        var result = Annotation.other
        try reader.structure { reader, id, type in
            switch id {
            case 1: result = .string
            case 6: result = .date
            case 8 where type == .structure:
                if try readTimestamp(&reader) { result = .timestampMicrosUTC }
                return true
            default: break
            }
            return false
        }
        return result
    }

    /// Whether a TimestampType is in microseconds and adjusted to UTC.
    private static func readTimestamp(_ reader: inout CompactReader) throws -> Bool {
        var utc = false
        var micros = false
        try reader.structure { reader, id, type in
            switch id {
            case 1:
                utc = try reader.bool(type)
                return true
            case 2 where type == .structure:
                try reader.structure { _, id, _ in
                    micros = id == 2
                    return false
                }
                return true
            default: return false
            }
        }
        return utc && micros
    }

    static func writeRoot(_ columnCount: Int, to out: inout CompactWriter) {
        out.listedStructure { out in
            out.string(4, "schema")
            out.i32(5, Int32(columnCount))
        }
    }

    static func write(_ column: Column, to out: inout CompactWriter) {
        out.listedStructure { out in
            out.i32(1, column.type.physical.rawValue)
            out.i32(3, column.isOptional ? Repetition.optional : Repetition.required)
            out.string(4, column.name)
            switch column.type {
            case .string: out.i32(6, ConvertedType.utf8)
            case .date: out.i32(6, ConvertedType.date)
            case .timestampMicros: out.i32(6, ConvertedType.timestampMicros)
            default: break
            }
            if let id = column.fieldID { out.i32(9, id) }
            switch column.type {
            case .string: out.structure(10) { $0.structure(1) { _ in } }
            case .date: out.structure(10) { $0.structure(6) { _ in } }
            case .timestampMicros:
                out.structure(10) { out in
                    out.structure(8) { out in
                        out.bool(1, true)
                        out.structure(2) { $0.structure(2) { _ in } }
                    }
                }
            default: break
            }
        }
    }
}
