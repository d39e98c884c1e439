// Encodes pages of numbers and booleans: dictionary, delta or plain.

final class NumberEncoder<T: ParquetNumber> {
    private let chunk: ChunkBuilder
    private let dictionary: NumberDictionary<T.Bits>?
    /// Whether the open chunk still uses the dictionary.
    private var inDictionary: Bool
    private var pages = 0
    private let delta: ((UnsafeBufferPointer<T>, OutputBuffer) -> Void)?

    /// - Parameter delta: encodes DELTA_BINARY_PACKED; nil for types without it.
    init(_ chunk: ChunkBuilder, delta: ((UnsafeBufferPointer<T>, OutputBuffer) -> Void)?) {
        self.chunk = chunk
        dictionary = chunk.column.encoding == .dictionary ? NumberDictionary() : nil
        inDictionary = dictionary != nil
        self.delta = chunk.column.encoding == .delta ? delta : nil
    }

    @inline(__always)
    func encode(_ values: UnsafeBufferPointer<T>, nulls: [UInt32], isLast: Bool) throws {
        let rows = values.count + nulls.count
        let body = chunk.beginPage(rows: rows, nulls: nulls)
        var encoding = Encoding.plain
        // A page of nulls only is plain: its chunk may have no dictionary page.
        if inDictionary, !values.isEmpty, encodeIndices(values, to: body, isLast: isLast) {
            encoding = .rleDictionary
        } else if let delta {
            delta(values, body)
            encoding = .deltaBinaryPacked
        } else {
            body.append(UnsafeRawBufferPointer(values))
        }
        try chunk.endPage(rows: rows, nullCount: nulls.count, encoding: encoding, statistics: T.statistics(values))
        pages += 1
    }

    /// Encodes with the dictionary; returns false when the first page shows that it saves nothing.
    @inline(__always)
    private func encodeIndices(_ values: UnsafeBufferPointer<T>, to body: OutputBuffer, isLast: Bool) -> Bool {
        guard let dictionary, let indices = chunk.shared.indices.baseAddress else { return false }
        dictionary.lookUp(values, indices)
        let width = BitPacking.width(UInt64(max(dictionary.count - 1, 0)))
        if pages == 0,
            DictionaryChoice.isUseless(
                entries: dictionary.count, values: values.count, isLast: isLast,
                encodedBytes: dictionary.byteCount + values.count * width / 8,
                plainBytes: values.count * MemoryLayout<T>.size)
        {
            inDictionary = false
            dictionary.clear()
            return false
        }
        body.append(UInt8(width))
        Hybrid.encode(indices, count: values.count, width: width, to: body)
        // The page that exceeds the limit keeps its indices; later pages are plain.
        if dictionary.byteCount > chunk.shared.options.dictionaryBytes { inDictionary = false }
        return true
    }

    func finishDictionary() throws {
        guard let dictionary else { return }
        if dictionary.count > 0 { try chunk.setDictionary(dictionary.bytes, count: dictionary.count) }
        dictionary.clear()
        inDictionary = true
        pages = 0
    }
}

enum DictionaryChoice {
    /// Whether the first page of a chunk shows that a dictionary saves nothing: it takes at least as many bytes, and
    /// either the chunk ends with this page or more than 95 % of the values are distinct.
    static func isUseless(entries: Int, values: Int, isLast: Bool, encodedBytes: Int, plainBytes: Int) -> Bool {
        guard encodedBytes >= plainBytes, values > 0 else { return false }
        return isLast || entries > values - values / 20
    }
}

final class BooleanEncoder {
    private let chunk: ChunkBuilder

    init(_ chunk: ChunkBuilder) { self.chunk = chunk }

    func encode(_ values: UnsafeBufferPointer<Bool>, nulls: [UInt32]) throws {
        let rows = values.count + nulls.count
        let body = chunk.beginPage(rows: rows, nulls: nulls)
        let length = (values.count + 7) / 8
        var trues = 0
        body.append(upTo: length) { target in
            target.update(repeating: 0, count: length)
            for (index, value) in values.enumerated() where value {
                target[index >> 3] |= 1 << UInt8(index & 7)
                trues += 1
            }
            return length
        }
        var statistics = ColumnStatistics()
        if !values.isEmpty {
            statistics.lower = [trues == values.count ? 1 : 0]
            statistics.upper = [trues > 0 ? 1 : 0]
        }
        try chunk.endPage(rows: rows, nullCount: nulls.count, encoding: .plain, statistics: statistics)
    }
}
