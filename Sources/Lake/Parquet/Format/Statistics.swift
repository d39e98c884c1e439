// Statistics of a page or column chunk (parquet.thrift, Statistics).

/// Statistics of the values of a page, a column chunk or a whole column.
package struct ColumnStatistics: Sendable, Equatable {
    /// Number of nulls; nil when the file does not state it.
    package var nullCount: Int?
    /// Number of NaNs; nil when the file does not state it or the column is not of a floating-point type.
    package var nanCount: Int?
    /// A lower bound, inclusive, of all values except NaN, as PLAIN bytes without length: little-endian numbers, one
    /// byte for a boolean, the bytes of a string. Nil when there is no value or the file states none.
    package var lower: [UInt8]?
    /// An upper bound, inclusive, in the form of `lower`.
    package var upper: [UInt8]?

    /// Statistics; see the properties.
    package init(nullCount: Int? = nil, nanCount: Int? = nil, lower: [UInt8]? = nil, upper: [UInt8]? = nil) {
        self.nullCount = nullCount
        self.nanCount = nanCount
        self.lower = lower
        self.upper = upper
    }

    /// Merges `other`. Both must be complete, as the writer's own are.
    mutating func merge(_ other: ColumnStatistics, type: ColumnType) {
        nullCount = (nullCount ?? 0) + (other.nullCount ?? 0)
        if let count = other.nanCount { nanCount = (nanCount ?? 0) + count }
        if let theirs = other.lower, lower.map({ type.isLess(theirs, $0) }) ?? true { lower = theirs }
        if let theirs = other.upper, upper.map({ type.isLess($0, theirs) }) ?? true { upper = theirs }
    }

    /// Longest bound in a file, in bytes: a longer lower bound is truncated, a longer upper bound omitted.
    static let longestBound = 256

    func write(_ id: Int, to out: inout CompactWriter, type: ColumnType) {
        out.structure(id) { out in
            if let nullCount { out.i64(3, nullCount) }
            if let upper, upper.count <= Self.longestBound { out.binary(5, upper) }
            if let lower { out.binary(6, Self.shortened(lower, type)) }
            if let upper, upper.count <= Self.longestBound { out.bool(7, true) }
            if let lower { out.bool(8, lower.count <= Self.longestBound) }
            if let nanCount { out.i64(9, nanCount) }
        }
    }

    /// A lower bound of at most `longestBound` bytes: a prefix, which sorts before the whole. Truncates text between
    /// characters.
    static func shortened(_ bound: [UInt8], _ type: ColumnType) -> [UInt8] {
        guard bound.count > longestBound else { return bound }
        var end = longestBound
        if type == .string { while end > 0, bound[end] & 0xC0 == 0x80 { end -= 1 } }
        return Array(bound[..<end])
    }

    static func read(_ reader: inout CompactReader) throws -> ColumnStatistics {
        var result = ColumnStatistics()
        try reader.structure { reader, id, type in
            switch id {
            case 3: result.nullCount = try reader.natural(type)
            case 5: result.upper = try reader.binary(type)
            case 6: result.lower = try reader.binary(type)
            case 9: result.nanCount = try reader.natural(type)
            default: return false
            }
            return true
        }
        return result
    }
}
