// The footer as read from a file, untrusted (parquet.thrift, FileMetaData, RowGroup, ColumnChunk, ColumnMetaData).

struct FileMetadata {
    var rowCount = 0
    var schema: [SchemaElement] = []
    var rowGroups: [RowGroupMetadata] = []
    var keyValues: [String: String] = [:]
    var createdBy: String?

    static func read(_ reader: inout CompactReader) throws -> FileMetadata {
        var result = FileMetadata()
        try reader.structure { reader, id, type in
            switch id {
            case 2: result.schema = try reader.list(type, of: .structure) { try SchemaElement.read(&$0) }
            case 3: result.rowCount = try reader.natural(type)
            case 4: result.rowGroups = try reader.list(type, of: .structure) { try RowGroupMetadata.read(&$0) }
            case 5: result.keyValues = try readKeyValues(&reader, type)
            case 6: result.createdBy = try reader.string(type)
            case 8: throw ParquetError.unsupported(position: reader.position, what: "encryption")
            default: return false
            }
            return true
        }
        return result
    }

    private static func readKeyValues(_ reader: inout CompactReader, _ type: ThriftType) throws -> [String: String] {
        var result: [String: String] = [:]
        _ = try reader.list(type, of: .structure) { reader in
            var (key, value) = ("", "")
            try reader.structure { reader, id, type in
                switch id {
                case 1: key = try reader.string(type)
                case 2: value = try reader.string(type)
                default: return false
                }
                return true
            }
            result[key] = value
        }
        return result
    }
}

struct RowGroupMetadata {
    var chunks: [ChunkMetadata] = []
    var rowCount = 0
    var uncompressedSize = 0
    /// The structure's position in the file, for error messages.
    var position = 0

    static func read(_ reader: inout CompactReader) throws -> RowGroupMetadata {
        var result = RowGroupMetadata()
        result.position = reader.position
        try reader.structure { reader, id, type in
            switch id {
            case 1: result.chunks = try reader.list(type, of: .structure) { try ChunkMetadata.read(&$0) }
            case 2: result.uncompressedSize = try reader.natural(type)
            case 3: result.rowCount = try reader.natural(type)
            default: return false
            }
            return true
        }
        return result
    }
}

struct ChunkMetadata {
    /// The range of one part of the page index in the file.
    struct Part {
        var offset = 0
        var length = 0
    }

    var physical: PhysicalType?
    var codec: Int32 = 0
    var valueCount = 0
    var uncompressedSize = 0
    var compressedSize = 0
    var dataPageOffset = 0
    var dictionaryPageOffset: Int?
    var statistics = ColumnStatistics()
    var offsetIndex = Part()
    var columnIndex = Part()
    /// Whether the chunk's bytes are encrypted or in another file.
    var isElsewhere = false
    /// The structure's position in the file, for error messages.
    var position = 0

    /// The offset of the chunk's first byte. Some writers state a dictionary offset of 0 for "none".
    var start: Int {
        guard let dictionaryPageOffset, dictionaryPageOffset > 0 else { return dataPageOffset }
        return min(dictionaryPageOffset, dataPageOffset)
    }

    static func read(_ reader: inout CompactReader) throws -> ChunkMetadata {
        var result = ChunkMetadata()
        result.position = reader.position
        try reader.structure { reader, id, type in
            switch id {
            case 1: result.isElsewhere = try !reader.binary(type).isEmpty || result.isElsewhere
            case 3 where type == .structure: try result.readMetadata(&reader)
            case 4: result.offsetIndex.offset = try reader.natural(type)
            case 5: result.offsetIndex.length = try reader.natural(type)
            case 6: result.columnIndex.offset = try reader.natural(type)
            case 7: result.columnIndex.length = try reader.natural(type)
            case 8:
                result.isElsewhere = true
                return false
            default: return false
            }
            return true
        }
        return result
    }

    private mutating func readMetadata(_ reader: inout CompactReader) throws {
        try reader.structure { reader, id, type in
            switch id {
            case 1: physical = PhysicalType(rawValue: try reader.i32(type))
            case 4: codec = try reader.i32(type)
            case 5: valueCount = try reader.natural(type)
            case 6: uncompressedSize = try reader.natural(type)
            case 7: compressedSize = try reader.natural(type)
            case 9: dataPageOffset = try reader.natural(type)
            case 11: dictionaryPageOffset = try reader.natural(type)
            case 12 where type == .structure: statistics = try ColumnStatistics.read(&reader)
            default: return false
            }
            return true
        }
    }
}
