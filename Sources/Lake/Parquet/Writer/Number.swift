// The numeric types of columns, and the bounds of a page of numbers.

/// A number whose form in memory, little-endian, is its PLAIN form.
protocol ParquetNumber: BitwiseCopyable {
    associatedtype Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable
    /// The bits of the value; two values are the same dictionary entry when their bits are equal.
    var bits: Bits { get }
    static func statistics(_ values: UnsafeBufferPointer<Self>) -> ColumnStatistics
}

extension Int32: ParquetNumber {
    var bits: UInt32 { UInt32(bitPattern: self) }
    static func statistics(_ values: UnsafeBufferPointer<Int32>) -> ColumnStatistics { integerStatistics(values) }
}

extension Int64: ParquetNumber {
    var bits: UInt64 { UInt64(bitPattern: self) }
    static func statistics(_ values: UnsafeBufferPointer<Int64>) -> ColumnStatistics { integerStatistics(values) }
}

extension Float: ParquetNumber {
    var bits: UInt32 { bitPattern }
    static func statistics(_ values: UnsafeBufferPointer<Float>) -> ColumnStatistics {
        floatStatistics(values) { $0.bitPattern.littleEndianBytes }
    }
}

extension Double: ParquetNumber {
    var bits: UInt64 { bitPattern }
    static func statistics(_ values: UnsafeBufferPointer<Double>) -> ColumnStatistics {
        floatStatistics(values) { $0.bitPattern.littleEndianBytes }
    }
}

@inline(__always)
private func integerStatistics<T: FixedWidthInteger>(_ values: UnsafeBufferPointer<T>) -> ColumnStatistics {
    guard var least = values.first else { return ColumnStatistics() }
    var greatest = least
    for value in values {
        least = min(least, value)
        greatest = max(greatest, value)
    }
    return ColumnStatistics(lower: least.littleEndianBytes, upper: greatest.littleEndianBytes)
}

/// Bounds without NaN. A zero lower bound is written as -0 and a zero upper bound as +0, because the two compare equal
/// (parquet.thrift, TYPE_ORDER).
@inline(__always)
private func floatStatistics<T: BinaryFloatingPoint>(
    _ values: UnsafeBufferPointer<T>, _ bytes: (T) -> [UInt8]
) -> ColumnStatistics {
    var (least, greatest) = (T.infinity, -T.infinity)
    var nanCount = 0
    for value in values {
        if value.isNaN { nanCount += 1 }
        if value < least { least = value }
        if value > greatest { greatest = value }
    }
    // All values are infinities of one sign or NaN.
    if least > greatest {
        guard nanCount < values.count, let some = values.first(where: { !$0.isNaN }) else {
            return ColumnStatistics(nanCount: nanCount)
        }
        (least, greatest) = (some, some)
    }
    if least == 0 { least = -T.zero }
    if greatest == 0 { greatest = T.zero }
    return ColumnStatistics(nanCount: nanCount, lower: bytes(least), upper: bytes(greatest))
}
