// Page headers (parquet.thrift, PageHeader and its members). A header read from a file is untrusted.

struct PageHeader {
    var type = PageType.data
    var uncompressedSize = 0
    var compressedSize = 0
    var crc: UInt32?
    /// Number of values, including nulls; in a dictionary page, number of entries.
    var valueCount = 0
    var encoding = Encoding.plain
    var definitionLevelEncoding = Encoding.rle
    /// This and the next four: version 2 data pages only.
    var nullCount = 0
    var rowCount = 0
    var definitionLevelBytes = 0
    var repetitionLevelBytes = 0
    var isCompressed = true
    var statistics: ColumnStatistics?

    /// The header of a version 1 data page or a dictionary page.
    func written(type columnType: ColumnType) -> [UInt8] {
        var out = CompactWriter()
        out.listedStructure { out in
            out.i32(1, type.rawValue)
            out.i32(2, Int32(uncompressedSize))
            out.i32(3, Int32(compressedSize))
            if let crc { out.i32(4, Int32(bitPattern: crc)) }
            if type == .dictionary {
                out.structure(7) { out in
                    out.i32(1, Int32(valueCount))
                    out.i32(2, encoding.rawValue)
                }
            } else {
                out.structure(5) { out in
                    out.i32(1, Int32(valueCount))
                    out.i32(2, encoding.rawValue)
                    out.i32(3, Encoding.rle.rawValue)
                    out.i32(4, Encoding.rle.rawValue)
                    statistics?.write(5, to: &out, type: columnType)
                }
            }
        }
        return out.bytes
    }

    static func read(_ reader: inout CompactReader) throws -> PageHeader {
        var header = PageHeader()
        var rawType: Int32?
        var body = false
        try reader.structure { reader, id, type in
            switch id {
            case 1: rawType = try reader.i32(type)
            case 2: header.uncompressedSize = try reader.natural(type)
            case 3: header.compressedSize = try reader.natural(type)
            case 4: header.crc = UInt32(bitPattern: try reader.i32(type))
            case 5, 7, 8:
                guard type == .structure else { throw reader.corrupt("a page header without its page type's struct") }
                try id == 8 ? header.readV2(&reader) : header.readV1(&reader)
                body = true
            default: return false
            }
            return true
        }
        guard let rawType, let type = PageType(rawValue: rawType) else { throw reader.corrupt("unknown page type") }
        guard body || type == .index else { throw reader.corrupt("a page header without its page type's struct") }
        header.type = type
        return header
    }

    /// Reads the struct of a version 1 data page or a dictionary page, which share their first two fields.
    private mutating func readV1(_ reader: inout CompactReader) throws {
        try reader.structure { reader, id, type in
            switch id {
            case 1: valueCount = try reader.natural(type)
            case 2: encoding = try readEncoding(&reader, type)
            case 3 where type == .i32: definitionLevelEncoding = try readEncoding(&reader, type)
            default: return false
            }
            return true
        }
    }

    private mutating func readV2(_ reader: inout CompactReader) throws {
        try reader.structure { reader, id, type in
            switch id {
            case 1: valueCount = try reader.natural(type)
            case 2: nullCount = try reader.natural(type)
            case 3: rowCount = try reader.natural(type)
            case 4: encoding = try readEncoding(&reader, type)
            case 5: definitionLevelBytes = try reader.natural(type)
            case 6: repetitionLevelBytes = try reader.natural(type)
            case 7: isCompressed = try reader.bool(type)
            default: return false
            }
            return true
        }
    }
}

func readEncoding(_ reader: inout CompactReader, _ type: ThriftType) throws -> Encoding {
    let raw = try reader.i32(type)
    guard let encoding = Encoding(rawValue: raw) else {
        throw ParquetError.unsupported(position: reader.position, what: "encoding \(raw)")
    }
    return encoding
}
