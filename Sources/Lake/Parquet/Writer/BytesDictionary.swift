// The dictionary of a string or binary column chunk: bytes to index, in order of first appearance. Entries are stored
// in PLAIN form (length, bytes), the form of the dictionary page. A hash table with open addressing.
// Invariant: the table is at most half full.

final class BytesDictionary {
    /// The index returned when a search exceeds `longestSearch` slots: the values collide, by intent or by accident.
    static let none = UInt32.max
    private static let longestSearch = 256

    /// An entry's hash and place. An empty slot has start 0, which no entry has.
    private struct Slot: BitwiseCopyable {
        var hash: UInt64 = 0
        /// The offset in `entries` of the entry's bytes. The writer abandons a dictionary long before this overflows.
        var start: UInt32 = 0
        var index: UInt32 = 0
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var slotBits = 10
    private let entries = OutputBuffer(capacity: 16 * 1024)
    /// The offset in `entries` of each entry's bytes, after their length.
    private var starts: UnsafeMutablePointer<Int>
    private(set) var count = 0

    init() {
        slots = .allocate(capacity: 1 << 10)
        slots.initialize(repeating: Slot(), count: 1 << 10)
        starts = .allocate(capacity: 1 << 9)
    }

    deinit {
        slots.deallocate()
        starts.deallocate()
    }

    var byteCount: Int { entries.count }

    /// The entries as PLAIN values.
    var bytes: UnsafeRawBufferPointer { entries.bytes }

    /// The bytes of an entry, valid until the next insertion.
    @inline(__always)
    subscript(index: Int) -> UnsafeRawBufferPointer { entry(at: starts[index]) }

    @inline(__always)
    private func entry(at start: Int) -> UnsafeRawBufferPointer {
        let bytes = entries.bytes
        let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start &- 4, as: UInt32.self))
        return UnsafeRawBufferPointer(start: bytes.baseAddress.map { $0 + start }, count: Int(length))
    }

    func clear() {
        slots.initialize(repeating: Slot(), count: 1 << slotBits)
        entries.clear()
        count = 0
    }

    /// The index of `value`, inserted when new; `none` when the search is too long.
    @inline(__always)
    func index(of value: UnsafeRawBufferPointer) -> UInt32 {
        let hash = Self.hash(value)
        let mask = (1 &<< slotBits) &- 1
        var place = Int(truncatingIfNeeded: hash) & mask
        for _ in 0..<Self.longestSearch {
            let slot = slots[place]
            if slot.start == 0 { return insert(value, hash, place) }
            if slot.hash == hash, Self.isEqual(entry(at: Int(slot.start)), value) { return slot.index }
            place = (place &+ 1) & mask
        }
        return Self.none
    }

    /// Compares word by word; the last word overlaps the one before, so no length needs a loop over single bytes.
    @inline(__always)
    private static func isEqual(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        let count = a.count
        guard count == b.count else { return false }
        guard let left = a.baseAddress, let right = b.baseAddress else { return true }
        if count >= 8 {
            var offset = 0
            while offset < count &- 8 {
                if word(left + offset) != word(right + offset) { return false }
                offset &+= 8
            }
            return word(left + (count &- 8)) == word(right + (count &- 8))
        }
        return shortWord(left, count) == shortWord(right, count)
    }

    /// Folds sixteen bytes at a time by a 128-bit product. Not collision-resistant: `longestSearch` bounds an attack.
    @inline(__always)
    static func hash(_ value: UnsafeRawBufferPointer) -> UInt64 {
        let count = value.count
        var hash = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
        guard let base = value.baseAddress, count > 0 else { return hash }
        guard count >= 8 else {
            return fold(shortWord(base, count) ^ 0xA076_1D64_78BD_642F, hash ^ 0xE703_7ED1_A0B4_28DB)
        }
        var offset = 0
        while offset &+ 16 < count {
            hash = fold(word(base + offset) ^ 0xA076_1D64_78BD_642F, word(base + (offset &+ 8)) ^ hash)
            offset &+= 16
        }
        // The last 8 to 16 bytes, which may overlap folded ones.
        let first = word(base + min(offset, count &- 8))
        return fold(first ^ 0x8EBC_6AF0_9C88_C6E3, word(base + (count &- 8)) ^ hash ^ 0xE703_7ED1_A0B4_28DB)
    }

    @inline(__always)
    private static func word(_ start: UnsafeRawPointer) -> UInt64 { start.loadUnaligned(as: UInt64.self) }

    /// 0 to 7 bytes as a number, distinct for distinct bytes of the same count.
    @inline(__always)
    private static func shortWord(_ start: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 4 {
            let low = UInt64(start.loadUnaligned(as: UInt32.self))
            let high = UInt64(start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            return low | high &<< 32
        }
        guard count > 0 else { return 0 }
        let first = UInt64(start.load(as: UInt8.self))
        let middle = UInt64(start.load(fromByteOffset: count &>> 1, as: UInt8.self))
        let last = UInt64(start.load(fromByteOffset: count &- 1, as: UInt8.self))
        return first | middle &<< 8 | last &<< 16
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    private func insert(_ value: UnsafeRawBufferPointer, _ hash: UInt64, _ place: Int) -> UInt32 {
        entries.appendLittleEndian(UInt32(truncatingIfNeeded: value.count))
        starts[count] = entries.count
        slots[place] = Slot(hash: hash, start: UInt32(entries.count), index: UInt32(count))
        entries.append(value)
        count += 1
        if count == 1 << (slotBits - 1) { grow() }
        assert(count < 1 << (slotBits - 1), "the table is at most half full")
        return UInt32(count - 1)
    }

    private func grow() {
        slotBits += 1
        let moreStarts = UnsafeMutablePointer<Int>.allocate(capacity: 1 << (slotBits - 1))
        moreStarts.update(from: starts, count: count)
        starts.deallocate()
        starts = moreStarts
        let moreSlots = UnsafeMutablePointer<Slot>.allocate(capacity: 1 << slotBits)
        moreSlots.initialize(repeating: Slot(), count: 1 << slotBits)
        let mask = (1 << slotBits) - 1
        for old in 0..<(1 << (slotBits - 1)) where slots[old].start != 0 {
            var place = Int(truncatingIfNeeded: slots[old].hash) & mask
            while moreSlots[place].start != 0 { place = (place + 1) & mask }
            moreSlots[place] = slots[old]
        }
        slots.deallocate()
        slots = moreSlots
    }
}
