// A column of fixed-width values. Appending only stores the value in the open page; a full page is encoded at once.
// The generic class contains no encoding: its closures are concrete.

/// A column of booleans or numbers. Append values in row order, and close each row with the writer's `endRow`.
/// The writer's next `endRow` or `finish` throws mistakes (a null in a required column) and failures.
@usableFromInline package final class ScalarColumn<Value: BitwiseCopyable>: ColumnWriter {
    typealias Encode = (UnsafeBufferPointer<Value>, _ nulls: [UInt32], _ isLast: Bool) throws -> Void

    @usableFromInline let base: UnsafeMutablePointer<Value>
    @usableFromInline @exclusivity(unchecked) var next: UnsafeMutablePointer<Value>
    /// The end of the page's room, which each null shortens: it takes up a row but no place.
    @usableFromInline @exclusivity(unchecked) var end: UnsafeMutablePointer<Value>
    @usableFromInline let isOptional: Bool
    private let encode: Encode
    private let finishDictionary: () throws -> Void

    init(_ chunk: ChunkBuilder, encode: @escaping Encode, finishDictionary: @escaping () throws -> Void) {
        let capacity = max(chunk.shared.options.pageRows, 1)
        base = .allocate(capacity: capacity)
        next = base
        end = base + capacity
        isOptional = chunk.column.isOptional
        self.encode = encode
        self.finishDictionary = finishDictionary
        super.init(chunk)
    }

    deinit { base.deallocate() }

    /// Appends a value.
    @inlinable @inline(__always)
    package func append(_ value: Value) {
        if next == end { cutPage() }
        next.pointee = value
        next += 1
    }

    /// Appends a null; the column must be optional.
    @inlinable
    package func appendNull() {
        guard isOptional else { return refuseNull() }
        if next == end { cutPage() }
        nulls.append(UInt32(truncatingIfNeeded: (next - base) + nulls.count))
        end -= 1
    }

    /// Appends a value, or a null for nil.
    @inlinable @inline(__always)
    package func append(_ value: Value?) {
        if let value { append(value) } else { appendNull() }
    }

    /// Appends several values.
    @usableFromInline package func append(contentsOf values: UnsafeBufferPointer<Value>) {
        guard var source = values.baseAddress else { return }
        var left = values.count
        while left > 0 {
            if next == end { cutPage() }
            let count = min(left, end - next)
            next.update(from: source, count: count)
            next += count
            source += count
            left -= count
        }
    }

    override var pendingRows: Int { (next - base) + nulls.count }

    override func encodePage(isLast: Bool) throws {
        defer {
            nulls.removeAll(keepingCapacity: true)
            next = base
            end = base + max(chunk.shared.options.pageRows, 1)
        }
        try encode(UnsafeBufferPointer(start: base, count: next - base), nulls, isLast)
    }

    override func endDictionary() throws { try finishDictionary() }
}
