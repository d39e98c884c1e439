// The enums of parquet.thrift (github.com/apache/parquet-format) that this target knows.

enum PhysicalType: Int32 {
    case boolean = 0
    case int32 = 1
    case int64 = 2
    case int96 = 3
    case float = 4
    case double = 5
    case byteArray = 6
    case fixedLengthByteArray = 7
}

enum ConvertedType {
    static let utf8: Int32 = 0
    static let date: Int32 = 6
    static let timestampMicros: Int32 = 10

    /// The annotation of a converted type's number.
    static func annotation(_ number: Int32) -> SchemaElement.Annotation {
        switch number {
        case utf8: .string
        case date: .date
        case 9: .timestampMillis
        case timestampMicros: .timestampMicros
        // ENUM, UINT_8, UINT_16, the signed integers, JSON and BSON.
        case 4, 11, 12, 15...20: .harmless
        case 5: .otherMeaning("DECIMAL")
        case 7: .otherMeaning("TIME_MILLIS")
        case 8: .otherMeaning("TIME_MICROS")
        case 13: .otherMeaning("UINT_32")
        case 14: .otherMeaning("UINT_64")
        case 21: .otherMeaning("INTERVAL")
        default: .otherMeaning("converted type \(number)")
        }
    }
}

enum Repetition {
    static let required: Int32 = 0
    static let optional: Int32 = 1
}

enum Encoding: Int32 {
    case plain = 0
    case plainDictionary = 2
    case rle = 3
    case bitPacked = 4
    case deltaBinaryPacked = 5
    case deltaLengthByteArray = 6
    case deltaByteArray = 7
    case rleDictionary = 8
    case byteStreamSplit = 9

    var isDictionary: Bool { self == .rleDictionary || self == .plainDictionary }
}

enum PageCodec: Int32 {
    case uncompressed = 0
    case snappy = 1
    case gzip = 2
    case lzo = 3
    case brotli = 4
    case lz4 = 5
    case zstd = 6
    case lz4Raw = 7
}

enum PageType: Int32 {
    case data = 0
    case index = 1
    case dictionary = 2
    case dataV2 = 3
}

enum BoundaryOrder: Int32 {
    case unordered = 0
    case ascending = 1
    case descending = 2
}

/// The magic bytes at both ends of a file.
let magic: [UInt8] = Array("PAR1".utf8)

extension ColumnType {
    var physical: PhysicalType {
        switch self {
        case .boolean: .boolean
        case .int32, .date: .int32
        case .int64, .timestampMicros: .int64
        case .float: .float
        case .double: .double
        case .string, .binary: .byteArray
        }
    }
}
