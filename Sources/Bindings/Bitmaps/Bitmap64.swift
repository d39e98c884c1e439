// A compressed set of 64-bit unsigned integers over CRoaring's 32-bit bitmaps, for deletion vectors.
// Invariants: parts are ascending by key and none is empty (`place` checks both); `makeUnique` copies a shared bitmap
// before a change.
// Form: https://iceberg.apache.org/puffin-spec/#deletion-vector-v1-blob-type - u64 count, then (u32 key, portable
// 32-bit bitmap) ascending by key, all little-endian.

/// A set of 64-bit unsigned integers. A value type: copies are cheap and independent.
package struct Bitmap64: Sendable, Equatable {
    private struct Part: Sendable {
        let key: UInt32
        var bitmap: Bitmap32
    }

    private var parts: [Part] = []

    /// An empty set.
    package init() {}

    /// A set of the given values, in any order, duplicates allowed.
    package init(_ values: some Sequence<UInt64>) {
        for value in values { insert(value) }
    }

    /// The number of values in the set.
    package var count: UInt64 { parts.reduce(0) { $0 + $1.bitmap.count } }

    /// Whether the set holds no value.
    package var isEmpty: Bool { parts.isEmpty }

    /// Whether `value` is in the set.
    package func contains(_ value: UInt64) -> Bool {
        let (found, index) = locate(UInt32(truncatingIfNeeded: value >> 32))
        return found && parts[index].bitmap.contains(UInt32(truncatingIfNeeded: value))
    }

    /// Adds `value`.
    /// - Returns: whether the set did not contain it before.
    @discardableResult
    package mutating func insert(_ value: UInt64) -> Bool {
        let key = UInt32(truncatingIfNeeded: value >> 32)
        let (found, index) = locate(key)
        guard found else {
            let bitmap = Bitmap32()
            _ = bitmap.insert(UInt32(truncatingIfNeeded: value))
            place(Part(key: key, bitmap: bitmap), at: index)
            return true
        }
        makeUnique(index)
        return parts[index].bitmap.insert(UInt32(truncatingIfNeeded: value))
    }

    /// Adds every value of `other`.
    package mutating func formUnion(_ other: Bitmap64) {
        for part in other.parts {
            let (found, index) = locate(part.key)
            if found {
                makeUnique(index)
                parts[index].bitmap.formUnion(part.bitmap)
            } else {
                place(part, at: index)
            }
        }
    }

    /// Whether some value is in both sets.
    package func intersects(_ other: Bitmap64) -> Bool {
        other.parts.contains { part in
            let (found, index) = locate(part.key)
            return found && parts[index].bitmap.intersects(part.bitmap)
        }
    }

    /// All values, ascending. Takes 8 bytes of memory per value.
    package func values() -> [UInt64] {
        parts.flatMap { part in part.bitmap.values().map { UInt64(part.key) << 32 | UInt64($0) } }
    }

    /// Whether both sets hold the same values.
    package static func == (left: Bitmap64, right: Bitmap64) -> Bool {
        left.parts.count == right.parts.count
            && zip(left.parts, right.parts).allSatisfy { $0.key == $1.key && $0.bitmap.equals($1.bitmap) }
    }

    /// The index of a key's part, or the index at which to place it.
    private func locate(_ key: UInt32) -> (found: Bool, index: Int) {
        var low = 0
        var high = parts.count
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return (low < parts.count && parts[low].key == key, low)
    }

    private mutating func place(_ part: Part, at index: Int) {
        precondition(index == 0 || parts[index - 1].key < part.key, "parts are ascending by key")
        precondition(index == parts.count || part.key < parts[index].key, "parts are ascending by key")
        assert(part.bitmap.count > 0, "no part is empty")
        parts.insert(part, at: index)
    }

    private mutating func makeUnique(_ index: Int) {
        if !isKnownUniquelyReferenced(&parts[index].bitmap) { parts[index].bitmap = parts[index].bitmap.copy() }
    }
}

extension Bitmap64 {
    /// The portable 64-bit form.
    package func portableBytes() -> [UInt8] {
        var bytes: [UInt8] = []
        append(UInt64(parts.count), to: &bytes)
        for part in parts {
            append(part.key, to: &bytes)
            part.bitmap.appendPortable(to: &bytes)
        }
        return bytes
    }

    /// Reads the portable 64-bit form, which must fill `bytes` exactly.
    ///
    /// Memory use is proportional to the length of `bytes`.
    /// - Throws: `BitmapError` with the position of the fault when `bytes` is malformed.
    package init(portable bytes: UnsafeRawBufferPointer) throws(BitmapError) {
        guard bytes.count >= 8 else { throw BitmapError("needs 8 bytes for the number of bitmaps", at: 0) }
        let count = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        // A part takes at least 12 bytes: a key of 4 and an empty bitmap of 8.
        guard count <= UInt64(bytes.count) / 12 else {
            throw BitmapError("\(count) bitmaps do not fit in \(bytes.count) bytes", at: 0)
        }
        var position = 8
        for _ in 0..<count { try readPart(bytes, &position) }
        guard position == bytes.count else { throw BitmapError("bytes follow the last bitmap", at: position) }
    }

    private mutating func readPart(_ bytes: UnsafeRawBufferPointer, _ position: inout Int) throws(BitmapError) {
        guard bytes.count - position >= 4 else { throw BitmapError("needs 4 bytes for a key", at: position) }
        let key = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        if let last = parts.last, last.key >= key { throw BitmapError("keys are not ascending", at: position) }
        position += 4
        let length = try PortableFormat.check(bytes, from: position)
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
        guard let bitmap = Bitmap32(checked: slice) else { throw BitmapError("CRoaring rejects it", at: position) }
        position += length
        if bitmap.count > 0 { place(Part(key: key, bitmap: bitmap), at: parts.count) }
    }

    private func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
}
