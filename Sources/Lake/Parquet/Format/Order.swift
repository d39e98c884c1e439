// The order of values in PLAIN form (parquet.thrift, ColumnOrder TYPE_ORDER): signed integers, floats by value, and
// unsigned bytes.

extension ColumnType {
    /// Whether `a` sorts before `b`, both single PLAIN values of this type. Values of a wrong length sort as equal.
    func isLess(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        switch physical {
        case .boolean, .byteArray, .int96, .fixedLengthByteArray: a.lexicographicallyPrecedes(b)
        case .int32: less(Int32(littleEndian: a), Int32(littleEndian: b))
        case .int64: less(Int64(littleEndian: a), Int64(littleEndian: b))
        case .float: less(Float(littleEndian: a), Float(littleEndian: b))
        case .double: less(Double(littleEndian: a), Double(littleEndian: b))
        }
    }

    /// Number of bytes of a PLAIN value of this type; nil for byte arrays.
    var width: Int? {
        switch physical {
        case .boolean: 1
        case .int32, .float: 4
        case .int64, .double: 8
        default: nil
        }
    }
}

private func less<T: Comparable>(_ a: T?, _ b: T?) -> Bool {
    guard let a, let b else { return false }
    return a < b
}

extension FixedWidthInteger {
    /// The value of little-endian bytes; nil when their number is not the type's size.
    init?(littleEndian bytes: [UInt8]) {
        guard bytes.count == MemoryLayout<Self>.size else { return nil }
        self = Self(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(as: Self.self) })
    }

    var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}

extension Float {
    init?(littleEndian bytes: [UInt8]) {
        guard let bits = UInt32(littleEndian: bytes) else { return nil }
        self.init(bitPattern: bits)
    }
}

extension Double {
    init?(littleEndian bytes: [UInt8]) {
        guard let bits = UInt64(littleEndian: bytes) else { return nil }
        self.init(bitPattern: bits)
    }
}
