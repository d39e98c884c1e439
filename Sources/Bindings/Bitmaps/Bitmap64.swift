// A compressed set of 64-bit unsigned integers over CRoaring's 32-bit bitmaps, as deletion vectors need it.
// Invariants: parts are ascending by key and none is empty; a value with copies never shares a bitmap that it changes.
// Form: https://iceberg.apache.org/puffin-spec/#deletion-vector-v1-blob-type - u64 count, then (u32 key, portable 32-bit
// bitmap) ascending by key, all little-endian.

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

    /// How many values the set holds.
    package var count: UInt64 { parts.reduce(0) { $0 + $1.bitmap.count } }

    /// Whether the set holds no value.
    package var isEmpty: Bool { parts.isEmpty }

    /// Whether `value` is in the set.
    package func contains(_ value: UInt64) -> Bool {
        let (found, index) = locate(UInt32(truncatingIfNeeded: value >> 32))
        return found && parts[index].bitmap.contains(UInt32(truncatingIfNeeded: value))
    }

    /// Adds `value`; true when it was not there yet.
    @discardableResult
    package mutating func insert(_ value: UInt64) -> Bool {
        let key = UInt32(truncatingIfNeeded: value >> 32)
        let (found, index) = locate(key)
        if !found { parts.insert(Part(key: key, bitmap: Bitmap32()), at: index) }
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
                parts.insert(part, at: index)
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

    /// All values, ascending. Needs 8 bytes of memory a value.
    package func values() -> [UInt64] {
        parts.flatMap { part in part.bitmap.values().map { UInt64(part.key) << 32 | UInt64($0) } }
    }

    /// Whether both sets hold the same values.
    package static func == (left: Bitmap64, right: Bitmap64) -> Bool {
        left.parts.count == right.parts.count
            && zip(left.parts, right.parts).allSatisfy { $0.key == $1.key && $0.bitmap.equals($1.bitmap) }
    }

    /// Finds the part of a key, or the index where it belongs.
    private func locate(_ key: UInt32) -> (found: Bool, index: Int) {
        var low = 0
        var high = parts.count
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return (low < parts.count && parts[low].key == key, low)
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
    /// Throws `BitmapError`, with the position, on anything that is not well formed. Memory stays in proportion to `bytes`.
    package init(portable bytes: UnsafeRawBufferPointer) throws(BitmapError) {
        guard bytes.count >= 8 else { throw BitmapError("needs 8 bytes for the number of bitmaps", at: 0) }
        let count = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        // Each part takes at least a key and an empty bitmap's 8 bytes.
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
        guard let bitmap = Bitmap32(checked: slice) else { throw BitmapError("CRoaring refuses it", at: position) }
        position += length
        if bitmap.count > 0 { parts.append(Part(key: key, bitmap: bitmap)) }
    }

    private func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
}
