// Decodes the values of pages into arrays with one element per row. This class decodes the levels; one subclass per
// kind of value decodes the values.

class ValueDecoder {
    /// For each row so far whether it has a value; empty while no row is null.
    private(set) var validity: [Bool] = []
    private var rows = 0
    private var levels: [UInt32] = []

    static func make(_ column: Column, rowCount: Int, limits: ReadLimits) -> ValueDecoder {
        switch column.type.physical {
        case .boolean: BooleanDecoder(rowCount)
        case .int32: Int32Decoder(rowCount)
        case .int64: Int64Decoder(rowCount)
        case .float: FloatDecoder(rowCount)
        case .double: DoubleDecoder(rowCount)
        case .byteArray, .int96, .fixedLengthByteArray: BytesDecoder(rowCount, limits)
        }
    }

    /// The capacity to reserve at once for a row count, which is untrusted.
    static func firstCapacity(_ rowCount: Int) -> Int { min(rowCount, 1 << 20) }

    /// Reads `count` PLAIN entries of a dictionary page.
    func setDictionary(_ input: inout InputBytes, count: Int) throws {
        throw input.corrupt("a dictionary for a type that has none")
    }
    /// Appends `rows` places and decodes `count` values to the first of them.
    func decode(_ input: inout InputBytes, count: Int, rows: Int, encoding: Encoding) throws {}
    /// Moves the `count` values at the start of the last `valid.count` rows to the valid rows.
    func spread(count: Int, valid: ArraySlice<Bool>) {}
    func result() -> ColumnValues { .boolean([]) }

    /// Decodes a page of `rows` rows. `levels` are the definition levels of an optional column.
    final func decodePage(_ input: inout InputBytes, levels: InputBytes?, rows: Int, encoding: Encoding) throws {
        var count = rows
        if let levels { count = try decodeLevels(levels, rows: rows) }
        try decode(&input, count: count, rows: rows, encoding: encoding)
        if count < rows { spread(count: count, valid: validity[self.rows...]) }
        self.rows += rows
    }

    /// Records which rows have values and returns their number.
    private func decodeLevels(_ input: InputBytes, rows: Int) throws -> Int {
        if levels.count < rows { levels = [UInt32](repeating: 0, count: rows) }
        var decoder = try HybridDecoder(input, width: 1)
        var count = 0
        try levels.withUnsafeMutableBufferPointer { levels in
            guard let base = levels.baseAddress else { return }
            try decoder.decode(rows, to: base)
            for row in 0..<rows { count += Int(base[row]) }
        }
        if count < rows, validity.isEmpty { validity = [Bool](repeating: true, count: self.rows) }
        if count < rows || !validity.isEmpty {
            validity.reserveCapacity(validity.count + rows)
            levels.withUnsafeBufferPointer { levels in
                for row in 0..<rows { validity.append(levels[row] != 0) }
            }
        }
        return count
    }
}

extension Array where Element: BitwiseCopyable {
    /// Moves the `count` values at `start` to the rows where `valid` is true, last first. Sets the others to `empty`.
    mutating func spread(from start: Int, count: Int, valid: ArraySlice<Bool>, empty: Element) {
        withUnsafeMutableBufferPointer { values in
            valid.withUnsafeBufferPointer { valid in
                var source = start + count
                for row in stride(from: valid.count - 1, through: 0, by: -1) {
                    if valid[row] { source -= 1 }
                    values[start + row] = valid[row] ? values[source] : empty
                }
            }
        }
    }
}

/// Decodes the dictionary indices of data pages: a byte with the bit width, then the hybrid.
struct IndexDecoder {
    private(set) var indices: [UInt32] = []

    /// Decodes `count` indices. Throws `corrupt` unless all are below `entries`.
    mutating func decode(_ input: inout InputBytes, count: Int, entries: Int) throws {
        if indices.count < count { indices = [UInt32](repeating: 0, count: count) }
        guard count > 0 else { return }
        let width = Int(try input.byte())
        var decoder = try HybridDecoder(input, width: width)
        let greatest = try indices.withUnsafeMutableBufferPointer { indices -> UInt32 in
            guard let base = indices.baseAddress else { return 0 }
            try decoder.decode(count, to: base)
            var greatest: UInt32 = 0
            for index in 0..<count { greatest = max(greatest, base[index]) }
            return greatest
        }
        guard Int(greatest) < entries else {
            throw input.corrupt("index \(greatest) into a dictionary of \(entries) entries")
        }
    }
}
