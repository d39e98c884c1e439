// Decodes numbers and booleans: PLAIN, dictionary, DELTA_BINARY_PACKED, BYTE_STREAM_SPLIT, and RLE for booleans
// (parquet-format, Encodings.md). The generic part is a struct inside one concrete class per type, so the compiler
// specialises it.

struct NumberValues<T: ParquetNumber> {
    private(set) var values: [T] = []
    private var dictionary: [T] = []
    private var indices = IndexDecoder()
    private let zero: T

    init(_ rowCount: Int, zero: T) {
        self.zero = zero
        values.reserveCapacity(ValueDecoder.firstCapacity(rowCount))
    }

    mutating func setDictionary(_ input: inout InputBytes, count: Int) throws {
        guard dictionary.isEmpty else { throw input.corrupt("two dictionaries in one column chunk") }
        guard count <= input.left / MemoryLayout<T>.size else {
            throw input.corrupt("\(count) dictionary entries in too few bytes")
        }
        dictionary = [T](repeating: zero, count: count)
        try Self.copyPlain(&input, count: count, to: &dictionary, at: 0)
    }

    /// Appends `rows` places and decodes the first `count`.
    /// - Parameter delta: decodes DELTA_BINARY_PACKED; nil for types without it.
    mutating func decode(
        _ input: inout InputBytes, count: Int, rows: Int, encoding: Encoding,
        delta: ((inout InputBytes, Int, UnsafeMutablePointer<T>) throws -> Void)?
    ) throws {
        // The row count, which is below 2^31, may be a lie.
        if encoding == .plain || encoding == .byteStreamSplit { try input.need(count * MemoryLayout<T>.size) }
        let start = values.count
        values.append(contentsOf: repeatElement(zero, count: rows))
        switch encoding {
        case .plain: try Self.copyPlain(&input, count: count, to: &values, at: start)
        case .rleDictionary, .plainDictionary: try gather(&input, count: count, at: start)
        case .deltaBinaryPacked:
            guard let delta else { throw input.corrupt("delta encoding for a type that has none") }
            try values.withUnsafeMutableBufferPointer { values in
                guard let base = values.baseAddress else { return }
                try delta(&input, count, base + start)
            }
        case .byteStreamSplit: try joinStreams(&input, count: count, at: start)
        default: throw ParquetError.unsupported(position: input.position, what: "encoding \(encoding) of numbers")
        }
    }

    mutating func spread(count: Int, valid: ArraySlice<Bool>) {
        values.spread(from: values.count - valid.count, count: count, valid: valid, empty: zero)
    }

    private static func copyPlain(_ input: inout InputBytes, count: Int, to target: inout [T], at start: Int) throws {
        // `count` is a page's row count, below 2^31, so the product is safe.
        let bytes = try input.take(count * MemoryLayout<T>.size)
        target.withUnsafeMutableBytes { target in
            guard let base = target.baseAddress, let source = bytes.baseAddress, bytes.count > 0 else { return }
            (base + start * MemoryLayout<T>.size).copyMemory(from: source, byteCount: bytes.count)
        }
    }

    private mutating func gather(_ input: inout InputBytes, count: Int, at start: Int) throws {
        try indices.decode(&input, count: count, entries: dictionary.count)
        values.withUnsafeMutableBufferPointer { values in
            dictionary.withUnsafeBufferPointer { dictionary in
                indices.indices.withUnsafeBufferPointer { indices in
                    guard let target = values.baseAddress, let entries = dictionary.baseAddress else { return }
                    for row in 0..<count { (target + start)[row] = entries[Int(indices[row])] }
                }
            }
        }
    }

    private mutating func joinStreams(_ input: inout InputBytes, count: Int, at start: Int) throws {
        let width = MemoryLayout<T>.size
        let streams = try input.take(count * width)
        values.withUnsafeMutableBytes { target in
            for row in 0..<count {
                for byte in 0..<width { target[(start + row) * width + byte] = streams[byte * count + row] }
            }
        }
    }
}

final class Int32Decoder: ValueDecoder {
    private var numbers: NumberValues<Int32>
    init(_ rowCount: Int) { numbers = NumberValues(rowCount, zero: 0) }
    override func result() -> ColumnValues { .int32(numbers.values) }
    override func spread(count: Int, valid: ArraySlice<Bool>) { numbers.spread(count: count, valid: valid) }
    override func setDictionary(_ input: inout InputBytes, count: Int) throws {
        try numbers.setDictionary(&input, count: count)
    }
    override func decode(_ input: inout InputBytes, count: Int, rows: Int, encoding: Encoding) throws {
        try numbers.decode(&input, count: count, rows: rows, encoding: encoding) {
            try Delta.decode(&$0, count: $1, to: $2)
        }
    }
}

final class Int64Decoder: ValueDecoder {
    private var numbers: NumberValues<Int64>
    init(_ rowCount: Int) { numbers = NumberValues(rowCount, zero: 0) }
    override func result() -> ColumnValues { .int64(numbers.values) }
    override func spread(count: Int, valid: ArraySlice<Bool>) { numbers.spread(count: count, valid: valid) }
    override func setDictionary(_ input: inout InputBytes, count: Int) throws {
        try numbers.setDictionary(&input, count: count)
    }
    override func decode(_ input: inout InputBytes, count: Int, rows: Int, encoding: Encoding) throws {
        try numbers.decode(&input, count: count, rows: rows, encoding: encoding) {
            try Delta.decode(&$0, count: $1, to: $2)
        }
    }
}

final class FloatDecoder: ValueDecoder {
    private var numbers: NumberValues<Float>
    init(_ rowCount: Int) { numbers = NumberValues(rowCount, zero: 0) }
    override func result() -> ColumnValues { .float(numbers.values) }
    override func spread(count: Int, valid: ArraySlice<Bool>) { numbers.spread(count: count, valid: valid) }
    override func setDictionary(_ input: inout InputBytes, count: Int) throws {
        try numbers.setDictionary(&input, count: count)
    }
    override func decode(_ input: inout InputBytes, count: Int, rows: Int, encoding: Encoding) throws {
        try numbers.decode(&input, count: count, rows: rows, encoding: encoding, delta: nil)
    }
}

final class DoubleDecoder: ValueDecoder {
    private var numbers: NumberValues<Double>
    init(_ rowCount: Int) { numbers = NumberValues(rowCount, zero: 0) }
    override func result() -> ColumnValues { .double(numbers.values) }
    override func spread(count: Int, valid: ArraySlice<Bool>) { numbers.spread(count: count, valid: valid) }
    override func setDictionary(_ input: inout InputBytes, count: Int) throws {
        try numbers.setDictionary(&input, count: count)
    }
    override func decode(_ input: inout InputBytes, count: Int, rows: Int, encoding: Encoding) throws {
        try numbers.decode(&input, count: count, rows: rows, encoding: encoding, delta: nil)
    }
}

final class BooleanDecoder: ValueDecoder {
    private var values: [Bool] = []

    init(_ rowCount: Int) { values.reserveCapacity(Self.firstCapacity(rowCount)) }

    override func result() -> ColumnValues { .boolean(values) }

    override func spread(count: Int, valid: ArraySlice<Bool>) {
        values.spread(from: values.count - valid.count, count: count, valid: valid, empty: false)
    }

    override func decode(_ input: inout InputBytes, count: Int, rows: Int, encoding: Encoding) throws {
        if encoding == .plain { try input.need((count + 7) / 8) }
        let start = values.count
        values.append(contentsOf: repeatElement(false, count: rows))
        switch encoding {
        case .plain:
            let bits = try input.take((count + 7) / 8)
            values.withUnsafeMutableBufferPointer { values in
                for row in 0..<count { values[start + row] = bits[row >> 3] >> UInt8(row & 7) & 1 == 1 }
            }
        case .rle:
            let length = try input.littleEndian(bytes: 4)
            var decoder = try HybridDecoder(InputBytes(try input.take(Int(length)), position: input.position), width: 1)
            var numbers = [UInt32](repeating: 0, count: count)
            try numbers.withUnsafeMutableBufferPointer { numbers in
                guard let base = numbers.baseAddress else { return }
                try decoder.decode(count, to: base)
            }
            for row in 0..<count { values[start + row] = numbers[row] != 0 }
        default: throw ParquetError.unsupported(position: input.position, what: "encoding \(encoding) of booleans")
        }
    }
}
