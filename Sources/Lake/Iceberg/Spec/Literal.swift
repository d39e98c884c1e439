// A single value of a primitive column, for bounds and partitions, and its binary form
// (https://iceberg.apache.org/spec/#appendix-d-single-value-serialization). Numbers are little-endian.

/// A value without its type. Dates and ints are `int`. Times and timestamps are `long`. UUIDs, fixed, binary and
/// decimals (two's complement, big-endian) are `bytes`.
package enum Literal: Sendable, Hashable {
    /// True or false.
    case boolean(Bool)
    /// An int, or the days of a date.
    case int(Int32)
    /// A long, or the micro- or nanoseconds of a time or timestamp.
    case long(Int64)
    /// A float.
    case float(Float)
    /// A double.
    case double(Double)
    /// Text.
    case string(String)
    /// Bytes.
    case bytes([UInt8])
}

extension Literal {
    /// The binary single-value form.
    package var binary: [UInt8] {
        switch self {
        case .boolean(let value): [value ? 1 : 0]
        case .int(let value): Self.littleEndian(value)
        case .long(let value): Self.littleEndian(value)
        case .float(let value): Self.littleEndian(value.bitPattern)
        case .double(let value): Self.littleEndian(value.bitPattern)
        case .string(let value): [UInt8](value.utf8)
        case .bytes(let value): value
        }
    }

    /// Reads the binary form of a value of `type`; nil when the bytes do not fit the type. Accepts the shorter form of
    /// a column that was promoted since, from int to long or float to double.
    package init?(binary: [UInt8], type: FieldType) {
        switch type {
        case .boolean where binary.count == 1: self = .boolean(binary[0] != 0)
        case .int where binary.count == 4, .date where binary.count == 4:
            self = .int(Int32(truncatingIfNeeded: Self.number(binary)))
        case .long, .time, .timestamp, .timestamptz, .timestampNanoseconds, .timestamptzNanoseconds:
            guard binary.count == 8 || binary.count == 4 else { return nil }
            self = .long(Self.number(binary))
        case .float where binary.count == 4:
            self = .float(Float(bitPattern: UInt32(truncatingIfNeeded: Self.number(binary))))
        case .double where binary.count == 8:
            self = .double(Double(bitPattern: UInt64(bitPattern: Self.number(binary))))
        case .double where binary.count == 4:
            self = .double(Double(Float(bitPattern: UInt32(truncatingIfNeeded: Self.number(binary)))))
        case .string:
            guard let text = String(validating: binary, as: UTF8.self) else { return nil }
            self = .string(text)
        case .uuid where binary.count == 16, .binary, .decimal: self = .bytes(binary)
        case .fixed(let length) where binary.count == length: self = .bytes(binary)
        default: return nil
        }
    }

    private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) }
    }

    /// 4 or 8 little-endian bytes as a signed number.
    private static func number(_ bytes: [UInt8]) -> Int64 {
        let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return bytes.count == 4 ? Int64(Int32(truncatingIfNeeded: bits)) : Int64(bitPattern: bits)
    }
}

extension Literal {
    /// Whether `self` sorts before `other`; nil when their types differ or one is NaN.
    package func isBefore(_ other: Literal) -> Bool? {
        switch (self, other) {
        case (.boolean(let left), .boolean(let right)): !left && right
        case (.int(let left), .int(let right)): left < right
        case (.long(let left), .long(let right)): left < right
        case (.int(let left), .long(let right)): Int64(left) < right
        case (.long(let left), .int(let right)): left < Int64(right)
        case (.float(let left), .float(let right)): left.isNaN || right.isNaN ? nil : left < right
        case (.double(let left), .double(let right)): left.isNaN || right.isNaN ? nil : left < right
        // Text is ordered by its UTF-8 bytes, not by Swift's canonical equivalence.
        case (.string(let left), .string(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.bytes(let left), .bytes(let right)): left.lexicographicallyPrecedes(right)
        default: nil
        }
    }
}
