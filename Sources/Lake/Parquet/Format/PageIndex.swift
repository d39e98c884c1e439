// The page index: the position and the statistics of each data page of a column chunk (parquet-format, PageIndex.md).

/// One data page of a column chunk.
package struct PageLocation: Sendable, Equatable {
    /// The offset of the page's header in the file.
    package var offset: Int
    /// The size of the page in bytes, including its header.
    package var size: Int
    /// The page's first row, counted from 0 within its row group.
    package var firstRow: Int
}

/// The offset index of a column chunk, with the column index where the file has one.
package struct PageIndex: Sendable, Equatable {
    /// The data pages in file order.
    package var pages: [PageLocation]
    /// Statistics of each page, in the same order; empty when the file has no column index for this chunk. `lower` and
    /// `upper` are nil for a page of nulls only.
    package var statistics: [ColumnStatistics]
}

extension PageIndex {
    func writtenOffsets() -> [UInt8] {
        var out = CompactWriter()
        out.listedStructure { out in
            out.list(1, of: .structure, pages) { out, page in
                out.listedStructure { out in
                    out.i64(1, page.offset)
                    out.i32(2, Int32(page.size))
                    out.i64(3, page.firstRow)
                }
            }
        }
        return out.bytes
    }

    /// The column index; nil when a page that is not all nulls has no usable bounds, which the format does not allow.
    func writtenStatistics(type: ColumnType, rowCounts: [Int]) -> [UInt8]? {
        let bounds = zip(statistics, rowCounts).map { page, rows -> (lower: [UInt8], upper: [UInt8], allNull: Bool)? in
            if page.nullCount == rows { return ([], [], true) }
            guard let lower = page.lower, let upper = page.upper, upper.count <= ColumnStatistics.longestBound else {
                return nil
            }
            return (ColumnStatistics.shortened(lower, type), upper, false)
        }
        let known = bounds.compactMap { $0 }
        guard known.count == bounds.count else { return nil }
        var out = CompactWriter()
        out.listedStructure { out in
            out.list(1, of: .yes, known) { $0.listedBool($1.allNull) }
            out.list(2, of: .binary, known) { $0.listedBinary($1.lower) }
            out.list(3, of: .binary, known) { $0.listedBinary($1.upper) }
            out.i32(4, Self.order(known.filter { !$0.allNull }.map { ($0.lower, $0.upper) }, type).rawValue)
            out.list(5, of: .i64, statistics) { $0.zigzag(Int64($1.nullCount ?? 0)) }
        }
        return out.bytes
    }

    private static func order(_ bounds: [([UInt8], [UInt8])], _ type: ColumnType) -> BoundaryOrder {
        let pairs = zip(bounds, bounds.dropFirst())
        if pairs.allSatisfy({ !type.isLess($1.0, $0.0) && !type.isLess($1.1, $0.1) }) { return .ascending }
        if pairs.allSatisfy({ !type.isLess($0.0, $1.0) && !type.isLess($0.1, $1.1) }) { return .descending }
        return .unordered
    }

    static func readOffsets(_ reader: inout CompactReader) throws -> [PageLocation] {
        var pages: [PageLocation] = []
        try reader.structure { reader, id, type in
            guard id == 1 else { return false }
            pages = try reader.list(type, of: .structure) { reader in
                var page = PageLocation(offset: 0, size: 0, firstRow: 0)
                try reader.structure { reader, id, type in
                    switch id {
                    case 1: page.offset = try reader.natural(type)
                    case 2: page.size = try reader.natural(type)
                    case 3: page.firstRow = try reader.natural(type)
                    default: return false
                    }
                    return true
                }
                return page
            }
            return true
        }
        return pages
    }

    static func readStatistics(_ reader: inout CompactReader) throws -> [ColumnStatistics] {
        var allNull: [Bool] = []
        var lower: [[UInt8]] = []
        var upper: [[UInt8]] = []
        var nulls: [Int64] = []
        try reader.structure { reader, id, type in
            switch id {
            case 1: allNull = try reader.list(type, of: .yes) { try $0.listedBool() }
            case 2: lower = try reader.list(type, of: .binary) { try $0.listedBinary() }
            case 3: upper = try reader.list(type, of: .binary) { try $0.listedBinary() }
            case 5: nulls = try reader.list(type, of: .i64) { try $0.zigzag() }
            default: return false
            }
            return true
        }
        guard lower.count == allNull.count, upper.count == allNull.count, nulls.isEmpty || nulls.count == allNull.count
        else { throw reader.corrupt("lists of unequal length in a column index") }
        return allNull.indices.map { page in
            ColumnStatistics(
                nullCount: nulls.isEmpty ? nil : Int(nulls[page]), lower: allNull[page] ? nil : lower[page],
                upper: allNull[page] ? nil : upper[page])
        }
    }
}
