// The order of values as PLAIN bytes (parquet.thrift, ColumnOrder TYPE_ORDER): signed integers, floats by value, bytes unsigned.

extension ColumnType {
    /// Whether `a` sorts before `b`, both PLAIN-encoded single values of this type. Wrong lengths sort as equal.
    func isLess(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        switch physical {
        case .boolean, .byteArray, .int96, .fixedLengthByteArray: a.lexicographicallyPrecedes(b)
        case .int32: less(Int32(littleEndian: a), Int32(littleEndian: b))
        case .int64: less(Int64(littleEndian: a), Int64(littleEndian: b))
        case .float: less(Float(littleEndian: a), Float(littleEndian: b))
        case .double: less(Double(littleEndian: a), Double(littleEndian: b))
        }
    }

    /// How many bytes a PLAIN value of this type has; nil for byte arrays.
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
    /// The value of exactly as many little-endian bytes as it has.
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
