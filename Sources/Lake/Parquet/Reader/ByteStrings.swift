// A column of byte strings as it lies in a file: where it came through a dictionary, rows refer to its entries, so that what
// is to be found out of a value (a hash, an id) has to be found out once for each entry, not for each row.
// Invariants: spans lie within the storage; entry numbers are below the number of spans.

/// Byte strings in one storage.
@usableFromInline package struct ByteStrings: Sendable, Equatable {
    @usableFromInline
    struct Span: Sendable, Equatable, BitwiseCopyable {
        @usableFromInline var start: UInt32
        @usableFromInline var count: UInt32

        @inlinable
        init(start: UInt32, count: UInt32) {
            self.start = start
            self.count = count
        }
    }

    @usableFromInline var storage: [UInt8] = []
    /// One for each entry.
    @usableFromInline var spans: [Span] = []
    /// The entry of each row; empty when every row is an entry of its own.
    @usableFromInline var codes: [UInt32] = []

    /// No byte strings.
    package init() {}

    /// The number of byte strings.
    @inlinable
    package var count: Int { codes.isEmpty ? spans.count : codes.count }

    /// The number of entries that rows refer to; rows of one entry are equal, rows of different ones may be too.
    @inlinable
    package var entryCount: Int { spans.count }

    /// The entry of each row, counted from 0; empty when row n is entry n.
    @inlinable
    package var entries: [UInt32] { codes }

    /// Calls `body` with the bytes of an entry, which are valid only during the call.
    @inlinable
    @inline(__always)
    package func withEntry<Result>(_ entry: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let span = spans[entry]
        return try storage.withUnsafeBytes { storage in
            let start = Int(span.start)
            return try body(UnsafeRawBufferPointer(rebasing: storage[start..<start + Int(span.count)]))
        }
    }

    /// Calls `body` with the bytes at `row`, which are valid only during the call.
    @inlinable
    @inline(__always)
    package func withBytes<Result>(_ row: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withEntry(codes.isEmpty ? row : Int(codes[row]), body)
    }

    /// A copy of the bytes at `row`.
    package func bytes(_ row: Int) -> [UInt8] { withBytes(row) { Array($0) } }

    /// The text at `row`; what is not UTF-8 is replaced by U+FFFD.
    package func string(_ row: Int) -> String { withBytes(row) { String(decoding: $0, as: UTF8.self) } }

    /// Equal when the same strings are in the same places, however they are stored.
    @usableFromInline package static func == (a: ByteStrings, b: ByteStrings) -> Bool {
        a.count == b.count
            && (0..<a.count).allSatisfy { row in a.withBytes(row) { x in b.withBytes(row) { x.elementsEqual($0) } } }
    }
}
