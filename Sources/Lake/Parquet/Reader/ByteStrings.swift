// A column of byte strings as stored in a file. Rows of a dictionary-encoded column refer to its entries, so a caller
// derives a value's hash or id once per entry instead of once per row.
// Invariants: spans are within the storage; codes are below the number of spans.

/// Byte strings in shared storage.
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
    /// The range of each entry in the storage.
    @usableFromInline var spans: [Span] = []
    /// The entry of each row; empty when row n is entry n.
    @usableFromInline var codes: [UInt32] = []

    /// No byte strings.
    package init() {}

    /// Whether the invariants in the file's header hold.
    var isConsistent: Bool {
        spans.allSatisfy { Int($0.start) + Int($0.count) <= storage.count } && codes.allSatisfy { $0 < spans.count }
    }

    /// Number of byte strings.
    @inlinable
    package var count: Int { codes.isEmpty ? spans.count : codes.count }

    /// Number of entries. Rows with the same entry are equal; rows with different entries may also be equal.
    @inlinable
    package var entryCount: Int { spans.count }

    /// The entry of each row, from 0; empty when row n is entry n.
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

    /// The text at `row`, with U+FFFD in place of invalid UTF-8.
    package func string(_ row: Int) -> String { withBytes(row) { String(decoding: $0, as: UTF8.self) } }

    /// Compares the strings row by row, regardless of their storage.
    @usableFromInline package static func == (a: ByteStrings, b: ByteStrings) -> Bool {
        a.count == b.count
            && (0..<a.count).allSatisfy { row in a.withBytes(row) { x in b.withBytes(row) { x.elementsEqual($0) } } }
    }
}
