// A column of strings or bytes. With a dictionary, appending looks a value up and stores its index. Without one, or
// once the writer abandons it, appending copies the value in PLAIN form to the open page.

/// A column of strings or binary values. Append values in row order, and close each row with the writer's `endRow`.
/// The writer's next `endRow` or `finish` throws mistakes (a null in a required column) and failures.
/// The bytes of a string column must be UTF-8; the column does not check them.
package final class BytesColumn: ColumnWriter {
    private let dictionary: BytesDictionary?
    @exclusivity(unchecked) private var inDictionary: Bool
    @exclusivity(unchecked) private var pages = 0
    /// The open page's indices into the dictionary, while `inDictionary`.
    private let indices: UnsafeMutablePointer<UInt32>
    @exclusivity(unchecked) private var count = 0
    private let plain = OutputBuffer()
    private let pageRows: Int
    private let pageBytes: Int
    private let dictionaryBytes: Int
    @exclusivity(unchecked) private var bounds = BytesBounds()

    override init(_ chunk: ChunkBuilder) {
        dictionary = chunk.column.encoding == .dictionary ? BytesDictionary() : nil
        inDictionary = dictionary != nil
        pageRows = max(chunk.shared.options.pageRows, 1)
        pageBytes = chunk.shared.options.pageBytes
        dictionaryBytes = chunk.shared.options.dictionaryBytes
        indices = .allocate(capacity: pageRows)
        super.init(chunk)
    }

    deinit { indices.deallocate() }

    override var pendingRows: Int { count + nulls.count }

    /// Appends a value.
    package func append(_ value: UnsafeRawBufferPointer) {
        guard value.count <= Self.longestValue else { return refuse(value) }
        if count &+ nulls.count >= pageRows { cutPage() }
        if inDictionary, let dictionary {
            let index = dictionary.index(of: value)
            if index != BytesDictionary.none {
                indices[count] = index
                count &+= 1
                if dictionary.byteCount > dictionaryBytes { leaveDictionary() }
                return
            }
            leaveDictionary()
        }
        appendPlain(value)
    }

    /// Appends a string's UTF-8.
    package func append(_ value: String) {
        var value = value
        value.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Appends a value.
    package func append(_ value: [UInt8]) { value.withUnsafeBytes { append($0) } }

    /// Appends a null; the column must be optional.
    package func appendNull() {
        guard chunk.column.isOptional else { return refuseNull() }
        if count &+ nulls.count >= pageRows { cutPage() }
        nulls.append(UInt32(count &+ nulls.count))
    }

    /// Longest value, in bytes: it must fit a page, whose size is an Int32.
    private static let longestValue = Int(Int32.max) / 2

    private func refuse(_ value: UnsafeRawBufferPointer) {
        fail(
            ParquetError.invalid(
                "a value of \(value.count) bytes in column \(chunk.column.name); the limit is 1 GiB"))
    }

    private func appendPlain(_ value: UnsafeRawBufferPointer) {
        if plain.count > 0, plain.count + value.count + 4 > pageBytes { cutPage() }
        plain.appendLittleEndian(UInt32(value.count))
        plain.append(value)
        bounds.note(value)
        count &+= 1
    }

    /// Ends the open page and continues with plain pages. Keeps the dictionary for the pages that use it.
    private func leaveDictionary() {
        if pendingRows > 0 { cutPage() }
        inDictionary = false
    }

    override func encodePage(isLast: Bool) throws {
        defer {
            nulls.removeAll(keepingCapacity: true)
            count = 0
            plain.clear()
            bounds = BytesBounds()
        }
        let rows = count + nulls.count
        let body = chunk.beginPage(rows: rows, nulls: nulls)
        var encoding = Encoding.plain
        // A page of nulls only is plain: its chunk may have no dictionary page.
        if inDictionary, count > 0, let dictionary {
            noteUsedEntries(dictionary)
            if pages == 0, isUseless(dictionary, isLast: isLast) {
                for row in 0..<count { appendEntry(dictionary[Int(indices[row])], to: body) }
                dictionary.clear()
                inDictionary = false
            } else {
                let width = BitPacking.width(UInt64(max(dictionary.count - 1, 0)))
                body.append(UInt8(width))
                Hybrid.encode(indices, count: count, width: width, to: body)
                encoding = .rleDictionary
            }
        } else {
            body.append(plain.bytes)
        }
        pages += 1
        try chunk.endPage(rows: rows, nullCount: nulls.count, encoding: encoding, statistics: bounds.statistics)
    }

    /// Adds the entries that the page uses to its bounds, each once.
    private func noteUsedEntries(_ dictionary: BytesDictionary) {
        var used = [Bool](repeating: false, count: dictionary.count)
        for row in 0..<count { used[Int(indices[row])] = true }
        for (entry, isUsed) in used.enumerated() where isUsed { bounds.note(dictionary[entry]) }
    }

    private func isUseless(_ dictionary: BytesDictionary, isLast: Bool) -> Bool {
        var plainBytes = 0
        for row in 0..<count { plainBytes += 4 + dictionary[Int(indices[row])].count }
        let width = BitPacking.width(UInt64(max(dictionary.count - 1, 0)))
        return DictionaryChoice.isUseless(
            entries: dictionary.count, values: count, isLast: isLast,
            encodedBytes: dictionary.byteCount + count * width / 8, plainBytes: plainBytes)
    }

    private func appendEntry(_ value: UnsafeRawBufferPointer, to body: OutputBuffer) {
        body.appendLittleEndian(UInt32(value.count))
        body.append(value)
    }

    override func endDictionary() throws {
        guard let dictionary else { return }
        if dictionary.count > 0 { try chunk.setDictionary(dictionary.bytes, count: dictionary.count) }
        dictionary.clear()
        inDictionary = true
        pages = 0
    }
}

/// The smallest and largest of several byte strings, compared as unsigned bytes.
struct BytesBounds {
    private var lower: [UInt8]?
    private var upper: [UInt8]?

    var statistics: ColumnStatistics { ColumnStatistics(lower: lower, upper: upper) }

    mutating func note(_ value: UnsafeRawBufferPointer) {
        guard let least = lower, let greatest = upper else {
            lower = Array(value)
            upper = lower
            return
        }
        if least.withUnsafeBytes({ Self.isLess(value, $0) }) { lower = Array(value) }
        if greatest.withUnsafeBytes({ Self.isLess($0, value) }) { upper = Array(value) }
    }

    /// Lexicographic comparison, eight bytes at a time.
    private static func isLess(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        let common = min(a.count, b.count)
        var offset = 0
        while offset + 8 <= common {
            let left = a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let right = b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if left != right { return left.bigEndian < right.bigEndian }
            offset += 8
        }
        while offset < common {
            if a[offset] != b[offset] { return a[offset] < b[offset] }
            offset += 1
        }
        return a.count < b.count
    }
}
