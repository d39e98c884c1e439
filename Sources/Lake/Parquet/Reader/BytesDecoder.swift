// Decodes byte arrays into one storage: PLAIN, dictionary, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY
// (parquet-format, Encodings.md). Copies PLAIN pages whole and dictionary entries once. While all pages use the
// dictionary, rows are codes of its entries. The first other page gives every row a span.

final class BytesDecoder: ValueDecoder {
    private typealias Span = ByteStrings.Span
    private var strings = ByteStrings()
    private var dictionary: [Span] = []
    private var indices = IndexDecoder()
    /// The dictionary codes of the rows so far, while `isCoded`.
    private var codes: [UInt32] = []
    private var isCoded = true
    private let rowCapacity: Int
    private let storageLimit: Int
    private var hasMissing = false
    private static let empty = Span(start: 0, count: 0)
    /// The code of a null; a dictionary has far fewer entries.
    private static let missing = UInt32.max

    init(_ rowCount: Int, _ limits: ReadLimits) {
        storageLimit = min(limits.chunkBytes, Int(UInt32.max))
        rowCapacity = Self.firstCapacity(rowCount)
        super.init()
    }

    override func result() -> ColumnValues {
        guard isCoded, !codes.isEmpty else {
            assert(strings.isConsistent, "spans are within the storage")
            return .bytes(strings)
        }
        if hasMissing {
            // Nulls refer to an additional empty entry after those of the dictionary.
            let missing = UInt32(truncatingIfNeeded: dictionary.count)
            dictionary.append(Self.empty)
            for row in codes.indices where codes[row] == Self.missing { codes[row] = missing }
        }
        strings.spans = dictionary
        strings.codes = codes
        assert(strings.isConsistent, "spans are within the storage, and codes name entries")
        return .bytes(strings)
    }

    override func spread(count: Int, valid: ArraySlice<Bool>) {
        guard isCoded else {
            let start = strings.spans.count - valid.count
            return strings.spans.spread(from: start, count: count, valid: valid, empty: Self.empty)
        }
        hasMissing = true
        codes.spread(from: codes.count - valid.count, count: count, valid: valid, empty: Self.missing)
    }

    override func setDictionary(_ input: inout InputBytes, count: Int) throws {
        guard dictionary.isEmpty else { throw input.corrupt("two dictionaries in one column chunk") }
        guard count <= input.left / 4 else { throw input.corrupt("\(count) dictionary entries in too few bytes") }
        dictionary = [Span](repeating: Self.empty, count: count)
        try dictionary.withUnsafeMutableBufferPointer { try takePlain(&input, to: $0) }
    }

    override func decode(_ input: inout InputBytes, count: Int, rows: Int, encoding: Encoding) throws {
        let isDictionary = encoding == .rleDictionary || encoding == .plainDictionary
        if isCoded {
            if isDictionary { return try decodeCodes(&input, count: count, rows: rows) }
            spell()
        }
        if encoding == .plain { try input.need(count * 4) }
        // Moves the spans out while it fills them, so the storage can grow.
        var spans = strings.spans
        strings.spans = []
        defer { strings.spans = spans }
        let start = spans.count
        spans.append(contentsOf: repeatElement(Self.empty, count: rows))
        try spans.withUnsafeMutableBufferPointer { all in
            let target = UnsafeMutableBufferPointer(rebasing: all[start..<start + count])
            switch encoding {
            case .plain: try takePlain(&input, to: target)
            case .rleDictionary, .plainDictionary: try gather(&input, to: target)
            case .deltaLengthByteArray: try takeDeltaLength(&input, to: target)
            case .deltaByteArray: try takeDelta(&input, to: target)
            default:
                throw ParquetError.unsupported(position: input.position, what: "encoding \(encoding) of byte arrays")
            }
        }
    }

    private func decodeCodes(_ input: inout InputBytes, count: Int, rows: Int) throws {
        try indices.decode(&input, count: count, entries: dictionary.count)
        if codes.isEmpty { codes.reserveCapacity(rowCapacity) }
        codes.append(contentsOf: indices.indices[0..<count])
        codes.append(contentsOf: repeatElement(0, count: rows - count))
    }

    /// Replaces the codes of the rows so far by spans.
    private func spell() {
        isCoded = false
        strings.spans.reserveCapacity(rowCapacity)
        for code in codes { strings.spans.append(code == Self.missing ? Self.empty : dictionary[Int(code)]) }
        codes = []
    }

    /// Appends `bytes` to the storage and returns their offset in it. Throws `overLimit` beyond the limit.
    private func store(_ bytes: UnsafeRawBufferPointer, _ input: InputBytes) throws -> Int {
        guard bytes.count <= storageLimit - strings.storage.count else {
            throw ParquetError.overLimit(
                position: input.position, what: "byte arrays of more than \(storageLimit) bytes in a column chunk")
        }
        let start = strings.storage.count
        strings.storage.append(contentsOf: bytes)
        return start
    }

    private func takePlain(_ input: inout InputBytes, to spans: UnsafeMutableBufferPointer<Span>) throws {
        let page = input.rest()
        let start = try store(page, input)
        var offset = 0
        for index in spans.indices {
            guard page.count - offset >= 4 else { throw input.corrupt("\(spans.count) byte arrays in too few bytes") }
            let length = Int(UInt32(littleEndian: page.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
            offset += 4
            guard length <= page.count - offset else {
                throw input.corrupt("a byte array of \(length) bytes beyond its page")
            }
            spans[index] = Span(start: UInt32(start + offset), count: UInt32(length))
            offset += length
        }
    }

    private func gather(_ input: inout InputBytes, to spans: UnsafeMutableBufferPointer<Span>) throws {
        try indices.decode(&input, count: spans.count, entries: dictionary.count)
        dictionary.withUnsafeBufferPointer { entries in
            indices.indices.withUnsafeBufferPointer { indices in
                for row in spans.indices { spans[row] = entries[Int(indices[row])] }
            }
        }
    }

    private func lengths(_ input: inout InputBytes, count: Int) throws -> [Int32] {
        var lengths = [Int32](repeating: 0, count: count)
        try lengths.withUnsafeMutableBufferPointer { lengths in
            // An empty list still has a header.
            try withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1) { spare in
                guard let base = lengths.baseAddress ?? spare.baseAddress else { return }
                try Delta.decode(&input, count: count, to: base)
            }
        }
        if let bad = lengths.first(where: { $0 < 0 }) { throw input.corrupt("a byte array of \(bad) bytes") }
        return lengths
    }

    private func takeDeltaLength(_ input: inout InputBytes, to spans: UnsafeMutableBufferPointer<Span>) throws {
        let lengths = try self.lengths(&input, count: spans.count)
        let bytes = input.rest()
        var start = try store(bytes, input)
        let end = start + bytes.count
        for (index, length) in lengths.enumerated() {
            guard Int(length) <= end - start else {
                throw input.corrupt("a byte array of \(length) bytes beyond its page")
            }
            spans[index] = Span(start: UInt32(start), count: UInt32(length))
            start += Int(length)
        }
    }

    /// Reads DELTA_BYTE_ARRAY: each value is a prefix of the previous value and its own suffix.
    private func takeDelta(_ input: inout InputBytes, to spans: UnsafeMutableBufferPointer<Span>) throws {
        let prefixes = try lengths(&input, count: spans.count)
        let suffixes = try lengths(&input, count: spans.count)
        var previous: [UInt8] = []
        for index in spans.indices {
            guard Int(prefixes[index]) <= previous.count else {
                throw input.corrupt("a prefix longer than the value before")
            }
            previous.removeLast(previous.count - Int(prefixes[index]))
            previous.append(contentsOf: try input.take(Int(suffixes[index])))
            let start = try previous.withUnsafeBytes { try store($0, input) }
            spans[index] = Span(start: UInt32(start), count: UInt32(previous.count))
        }
    }
}
