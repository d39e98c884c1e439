// Statistics of a page or column chunk (parquet.thrift, Statistics).

/// What is known about the values of a page, a column chunk or a whole column.
package struct ColumnStatistics: Sendable, Equatable {
    /// How many rows have no value; nil when the file does not say.
    package var nullCount: Int?
    /// How many values are NaN; nil when the file does not say or the column is not of a floating type.
    package var nanCount: Int?
    /// A value not above any value (NaN apart), as PLAIN bytes without length: little-endian numbers, one byte for a
    /// boolean, the bytes of a string. Nil when there is no value or the file does not say.
    package var lower: [UInt8]?
    /// A value not below any value, like `lower`.
    package var upper: [UInt8]?

    /// Statistics; see the properties.
    package init(nullCount: Int? = nil, nanCount: Int? = nil, lower: [UInt8]? = nil, upper: [UInt8]? = nil) {
        self.nullCount = nullCount
        self.nanCount = nanCount
        self.lower = lower
        self.upper = upper
    }

    /// These and `other`'s together; both must be complete, as the writer's own are.
    mutating func merge(_ other: ColumnStatistics, type: ColumnType) {
        nullCount = (nullCount ?? 0) + (other.nullCount ?? 0)
        if let count = other.nanCount { nanCount = (nanCount ?? 0) + count }
        if let theirs = other.lower, lower.map({ type.isLess(theirs, $0) }) ?? true { lower = theirs }
        if let theirs = other.upper, upper.map({ type.isLess($0, theirs) }) ?? true { upper = theirs }
    }

    /// Bounds longer than this are cut (lower) or omitted (upper) in the file, so that a long text is not stored thrice.
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

    /// A prefix sorts before the whole, so it is a lower bound; a text is cut between characters.
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
