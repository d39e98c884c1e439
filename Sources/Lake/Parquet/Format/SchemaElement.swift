// The schema in the footer (parquet.thrift, SchemaElement): a tree in depth-first order whose root is the row.

struct SchemaElement {
    /// The meaning that annotations give a physical type.
    enum Annotation: Equatable {
        case none, string, date, timestampMicros, timestampMillis
        /// Does not change the values of the physical type.
        case harmless
        /// Changes the values in a way this target does not support; the name in the format.
        case otherMeaning(String)
    }

    var physical: PhysicalType?
    var repetition: Int32?
    var name = ""
    var childCount = 0
    var fieldID: Int32?
    var annotation = Annotation.none

    /// The type of a top-level column; nil when this target does not support it.
    var columnType: ColumnType? {
        switch (physical, annotation) {
        case (_, .otherMeaning): nil
        case (.boolean, _): .boolean
        case (.int32, .date): .date
        case (.int32, _): .int32
        case (.int64, .timestampMicros), (.int64, .timestampMillis): .timestampMicros
        case (.int64, _): .int64
        case (.float, _): .float
        case (.double, _): .double
        case (.byteArray, .string): .string
        case (.byteArray, _): .binary
        default: nil
        }
    }

    /// The type's name for messages; the annotation's where it makes the column unsupported.
    var typeName: String {
        if case .otherMeaning(let name) = annotation { return name }
        return physical.map { "\($0)".uppercased() } ?? "a group"
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

    /// Applies the older annotation, for files without a logical type.
    private mutating func note(converted: Int32) {
        guard annotation == .none else { return }
        annotation = ConvertedType.annotation(converted)
    }

    /// Reads a LogicalType, a union with one member set.
    private static func readLogical(_ reader: inout CompactReader) throws -> Annotation {
        var result = Annotation.otherMeaning("a logical type")
        try reader.structure { reader, id, type in
            switch id {
            case 1: result = .string
            case 6: result = .date
            case 4, 12, 13: result = .harmless
            case 5: result = .otherMeaning("DECIMAL")
            case 7: result = .otherMeaning("TIME")
            case 8 where type == .structure:
                result = try readTimestamp(&reader)
                return true
            case 10 where type == .structure:
                result = try readInteger(&reader)
                return true
            default: result = .otherMeaning("logical type \(id)")
            }
            return false
        }
        return result
    }

    /// Reads the unit of a TimestampType. Ignores `isAdjustedToUTC`, which does not change the number.
    private static func readTimestamp(_ reader: inout CompactReader) throws -> Annotation {
        var result = Annotation.otherMeaning("TIMESTAMP without a unit")
        try reader.structure { reader, id, type in
            guard id == 2, type == .structure else { return false }
            try reader.structure { _, id, _ in
                switch id {
                case 1: result = .timestampMillis
                case 2: result = .timestampMicros
                case 3: result = .otherMeaning("TIMESTAMP(NANOS)")
                default: result = .otherMeaning("TIMESTAMP of unit \(id)")
                }
                return false
            }
            return true
        }
        return result
    }

    /// Reads an IntType. Unsigned integers of 32 and 64 bits do not fit the signed physical types.
    private static func readInteger(_ reader: inout CompactReader) throws -> Annotation {
        var (width, isSigned) = (Int8(64), true)
        try reader.structure { reader, id, type in
            switch id {
            case 1: width = try reader.i8(type)
            case 2: isSigned = try reader.bool(type)
            default: return false
            }
            return true
        }
        return isSigned || width == 8 || width == 16 ? .harmless : .otherMeaning("UINT_\(width)")
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
