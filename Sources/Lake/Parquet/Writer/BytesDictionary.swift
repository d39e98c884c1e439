// The dictionary of a string or binary column chunk: bytes to index, in order of first appearance. Entries lie in PLAIN
// form (length, bytes), so that the dictionary page needs no further work. Open addressing, at most half full.

final class BytesDictionary {
    /// The index answered when a search took too long: the values were made to collide, or the hash is unlucky.
    static let none = UInt32.max
    private static let longestSearch = 256

    /// Each slot: the upper half of the hash, and the index plus one.
    private var slots: UnsafeMutablePointer<UInt64>
    private var slotBits = 10
    private let entries = OutputBuffer(capacity: 16 * 1024)
    /// Where in `entries` each one's bytes start (behind the length).
    private var starts: UnsafeMutablePointer<Int>
    private(set) var count = 0

    init() {
        slots = .allocate(capacity: 1 << 10)
        slots.update(repeating: 0, count: 1 << 10)
        starts = .allocate(capacity: 1 << 9)
    }

    deinit {
        slots.deallocate()
        starts.deallocate()
    }

    var byteCount: Int { entries.count }

    /// The entries as PLAIN values.
    var bytes: UnsafeRawBufferPointer { entries.bytes }

    /// The bytes of an entry.
    @inline(__always)
    subscript(index: Int) -> UnsafeRawBufferPointer {
        let start = UnsafeRawPointer(entries.base) + starts[index]
        let length = UInt32(littleEndian: (start - 4).loadUnaligned(as: UInt32.self))
        return UnsafeRawBufferPointer(start: start, count: Int(length))
    }

    func clear() {
        slots.update(repeating: 0, count: 1 << slotBits)
        entries.clear()
        count = 0
    }

    /// The index of `value`, which is added when new; `none` when the search was given up.
    @inline(__always)
    func index(of value: UnsafeRawBufferPointer) -> UInt32 {
        let hash = Self.hash(value)
        let tag = hash & 0xFFFF_FFFF_0000_0000
        let mask = (1 &<< slotBits) &- 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        for _ in 0..<Self.longestSearch {
            let entry = slots[slot]
            if entry == 0 { return insert(value, tag, slot) }
            if entry & 0xFFFF_FFFF_0000_0000 == tag {
                let index = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) &- 1
                if Self.isEqual(self[index], value) { return UInt32(truncatingIfNeeded: index) }
            }
            slot = (slot &+ 1) & mask
        }
        return Self.none
    }

    @inline(__always)
    private static func isEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard a.count == b.count else { return false }
        guard let left = a.baseAddress, let right = b.baseAddress else { return true }
        var offset = 0
        while offset &+ 8 <= a.count {
            if left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                != right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            {
                return false
            }
            offset &+= 8
        }
        while offset < a.count {
            if left.load(fromByteOffset: offset, as: UInt8.self) != right.load(fromByteOffset: offset, as: UInt8.self) {
                return false
            }
            offset &+= 1
        }
        return true
    }

    /// Folds eight bytes at a time by a 128-bit product. Not against an adversary: `longestSearch` is.
    @inline(__always)
    static func hash(_ value: UnsafeRawBufferPointer) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: value.count) &* 0x9E37_79B9_7F4A_7C15
        guard let base = value.baseAddress else { return hash }
        var offset = 0
        while offset &+ 8 <= value.count {
            hash = fold(hash ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset &+= 8
        }
        return fold(hash ^ tail(base + offset, value.count &- offset))
    }

    /// The last 0 to 7 bytes as a number.
    @inline(__always)
    private static func tail(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 4 {
            let low = UInt64(start.loadUnaligned(as: UInt32.self))
            let high = UInt64(start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            return low | high &<< 32
        }
        guard count > 0 else { return 0 }
        let first = UInt64(start.load(as: UInt8.self))
        let middle = UInt64(start.load(fromByteOffset: count &>> 1, as: UInt8.self))
        let last = UInt64(start.load(fromByteOffset: count &- 1, as: UInt8.self))
        return first | middle &<< 8 | last &<< 16 | 1 &<< 24
    }

    @inline(__always)
    private static func fold(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
        return product.high ^ product.low
    }

    private func insert(_ value: UnsafeRawBufferPointer, _ tag: UInt64, _ slot: Int) -> UInt32 {
        entries.appendLittleEndian(UInt32(truncatingIfNeeded: value.count))
        starts[count] = entries.count
        entries.append(value)
        slots[slot] = tag | UInt64(count + 1)
        count += 1
        if count == 1 << (slotBits - 1) { grow() }
        return UInt32(count - 1)
    }

    private func grow() {
        slotBits += 1
        let larger = UnsafeMutablePointer<Int>.allocate(capacity: 1 << (slotBits - 1))
        larger.update(from: starts, count: count)
        starts.deallocate()
        starts = larger
        slots.deallocate()
        slots = .allocate(capacity: 1 << slotBits)
        slots.update(repeating: 0, count: 1 << slotBits)
        let mask = (1 << slotBits) - 1
        for entry in 0..<count {
            let hash = Self.hash(self[entry])
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = hash & 0xFFFF_FFFF_0000_0000 | UInt64(entry + 1)
        }
    }
}
