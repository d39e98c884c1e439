// A hash table of (window, postcode) keys with two counters each, for lookups at every raw row.
//
// Each postcode has a number, which is looked up once per dictionary entry of a row group. A row then costs one lookup
// of two integers. Postcodes are compared byte by byte. Memory depends on the number of keys, not of rows. One thread
// uses a table at a time. Raw pointers: adding a key may move the memory, so no pointer leaves this file. Callers hold
// indexes, which stay valid until `removeAll`. Invariant: at most half of the slots are used, so every search ends.

import Base
import Parquet

/// Postcodes by number, counted from 0.
final class PostcodeTable {
    /// A number plus 1 and the upper half of the hash; the reference is 0 for a free slot.
    private struct Slot {
        var reference: UInt32 = 0
        var tag: UInt32 = 0
    }

    private var slots = [Slot](repeating: Slot(), count: 1 << 10)
    private var spans: [Range<Int>] = []
    private var hashes: [UInt64] = []
    private var bytes: [UInt8] = []
    private let seed: UInt64

    /// - Parameter seed: varies the hash function, so that colliding postcodes cannot be chosen.
    package init(seed: UInt64) { self.seed = seed }

    /// The number of postcodes.
    package var count: Int { spans.count }
    /// A postcode's hash, which depends only on the seed and its bytes.
    package func hash(_ number: Int) -> UInt64 { hashes[number] }

    /// The bytes of a postcode, valid only within `body`.
    package func withBytes<Result>(_ number: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        let span = spans[number]
        return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[span])) }
    }

    /// A postcode's number. A new postcode is added if `adding`; otherwise the number is -1.
    package func number(_ postcode: UnsafeRawBufferPointer, adding: Bool) -> Int32 {
        let hash = WindowSums.hash(seed, postcode)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot].reference != 0 {
            let number = Int(slots[slot].reference - 1)
            if slots[slot].tag == tag, withBytes(number, { $0.elementsEqual(postcode) }) { return Int32(number) }
            slot = (slot + 1) & (slots.count - 1)
        }
        guard adding else { return -1 }
        spans.append(bytes.count..<bytes.count + postcode.count)
        bytes.append(contentsOf: postcode)
        hashes.append(hash)
        slots[slot] = Slot(reference: UInt32(spans.count), tag: tag)
        if spans.count * 2 > slots.count { grow() }
        assert(spans.count * 2 <= slots.count, "at most half of the slots are used")
        return Int32(spans.count - 1)
    }

    /// The numbers of a column's dictionary entries, or of its rows if it has no dictionary.
    package func numbers(of postcodes: ByteStrings, adding: Bool) -> [Int32] {
        (0..<postcodes.entryCount).map { entry in postcodes.withEntry(entry) { number($0, adding: adding) } }
    }

    private func grow() {
        slots = [Slot](repeating: Slot(), count: slots.count * 2)
        for (number, hash) in hashes.enumerated() {
            var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
            while slots[slot].reference != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Slot(reference: UInt32(number + 1), tag: UInt32(truncatingIfNeeded: hash >> 32))
        }
    }
}

/// Two counters for each key.
final class KeyTable {
    /// A key and its counters.
    package struct Entry {
        /// The window's start.
        package let window: WindowStart
        /// The postcode's number.
        package let postcode: Int32
        fileprivate let tag: UInt32
        fileprivate(set) var first: Int64 = 0
        fileprivate(set) var second: Int64 = 0
    }

    /// An index plus 1 and the upper half of the hash; the reference is 0 for a free slot.
    private struct Slot {
        var reference: UInt32
        var tag: UInt32
    }

    /// The mutable part, behind a constant pointer. Otherwise the inner loops would check exclusive access at every
    /// row.
    private struct Memory {
        var slots: UnsafeMutablePointer<Slot>
        var mask: Int
        var entries: UnsafeMutablePointer<Entry>
        var capacity: Int
        var count = 0
    }

    /// The postcodes of the keys, and other postcodes with a number.
    package let postcodes: PostcodeTable
    private let memory: UnsafeMutablePointer<Memory>
    private let seed: UInt64

    @inline(__always)
    private var entries: UnsafeMutablePointer<Entry> { memory.pointee.entries }

    /// The key at an index and its current counters.
    @inline(__always)
    package subscript(index: Int) -> Entry {
        assert(index >= 0 && index < count)
        return entries[index]
    }

    /// Adds to the counters of a key.
    /// - Returns: false when a counter would exceed 64 bits; then neither is changed.
    @inline(__always)
    @discardableResult
    package func add(first: Int64 = 0, second: Int64 = 0, at index: Int) -> Bool {
        assert(index >= 0 && index < count)
        let entry = entries + index
        let (one, firstOverflows) = entry.pointee.first.addingReportingOverflow(first)
        let (two, secondOverflows) = entry.pointee.second.addingReportingOverflow(second)
        guard !firstOverflows, !secondOverflows else { return false }
        entry.pointee.first = one
        entry.pointee.second = two
        return true
    }

    /// The number of keys. Indexes are below it.
    @inline(__always)
    package var count: Int { memory.pointee.count }

    /// An empty table.
    /// - Parameters:
    ///   - capacity: the number of keys that fit without growing.
    ///   - seed: varies the hash function.
    package init(capacity: Int = 0, seed: UInt64) {
        var size = 1 << 10
        while size < capacity * 2 { size *= 2 }
        postcodes = PostcodeTable(seed: seed)
        self.seed = seed
        memory = .allocate(capacity: 1)
        memory.initialize(
            to: Memory(
                slots: Self.freeSlots(size), mask: size - 1, entries: .allocate(capacity: size / 2), capacity: size / 2)
        )
    }

    deinit {
        memory.pointee.slots.deallocate()
        memory.pointee.entries.deallocate()
        memory.deallocate()
    }

    private static func freeSlots(_ number: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: number)
        slots.initialize(repeating: Slot(reference: 0, tag: 0), count: number)
        return slots
    }

    /// The index of a key; -1 when the table does not have it.
    @inline(__always)
    package func find(window: WindowStart, postcode: Int32) -> Int {
        let (slots, mask, entries) = (memory.pointee.slots, memory.pointee.mask, memory.pointee.entries)
        let hash = hash(window, postcode)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot].reference != 0 {
            if slots[slot].tag == tag {
                let index = Int(slots[slot].reference &- 1)
                if entries[index].window == window, entries[index].postcode == postcode { return index }
            }
            slot = (slot &+ 1) & mask
        }
        return -1
    }

    /// The index of a key. A new key is added.
    @inline(__always)
    package func index(window: WindowStart, postcode: Int32) -> Int {
        let found = find(window: window, postcode: postcode)
        return found >= 0 ? found : add(window: window, postcode: postcode)
    }

    /// The index of a key. A new key, and its postcode, is added.
    package func index(window: WindowStart, postcode: UnsafeRawBufferPointer) -> Int {
        index(window: window, postcode: postcodes.number(postcode, adding: true))
    }

    private func add(window: WindowStart, postcode: Int32) -> Int {
        if count == memory.pointee.capacity { grow() }
        let hash = hash(window, postcode)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        (entries + count).initialize(to: Entry(window: window, postcode: postcode, tag: tag))
        memory.pointee.count += 1
        assert(count * 2 <= memory.pointee.mask + 1, "at most half of the slots are used")
        place(hash, tag, count)
        return count - 1
    }

    private func place(_ hash: UInt64, _ tag: UInt32, _ reference: Int) {
        let (slots, mask) = (memory.pointee.slots, memory.pointee.mask)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot].reference != 0 { slot = (slot + 1) & mask }
        slots[slot] = Slot(reference: UInt32(truncatingIfNeeded: reference), tag: tag)
    }

    private func grow() {
        let size = (memory.pointee.mask + 1) * 2
        memory.pointee.slots.deallocate()
        memory.pointee.slots = Self.freeSlots(size)
        memory.pointee.mask = size - 1
        let moved = UnsafeMutablePointer<Entry>.allocate(capacity: size / 2)
        moved.moveInitialize(from: entries, count: count)
        entries.deallocate()
        memory.pointee.entries = moved
        memory.pointee.capacity = size / 2
        for index in 0..<count {
            place(hash(entries[index].window, entries[index].postcode), entries[index].tag, index + 1)
        }
    }

    /// Removes the keys. The postcodes and the memory stay.
    package func removeAll() {
        memory.pointee.slots.update(repeating: Slot(reference: 0, tag: 0), count: memory.pointee.mask + 1)
        memory.pointee.count = 0
    }

    @inline(__always)
    private func hash(_ window: WindowStart, _ postcode: Int32) -> UInt64 {
        let mixed =
            UInt64(bitPattern: window.rawValue) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(UInt32(bitPattern: postcode)) << 32
        let product = (seed ^ mixed).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }

    /// The indexes of all keys, ascending by window and postcode bytes.
    package func sorted() -> [Int32] {
        struct Place {
            /// The window's rank in the upper half, the postcode's in the lower half.
            let rank: UInt64
            let index: Int32
        }
        let ofPostcode = Self.ranks(postcodes.count) { left, right in
            postcodes.withBytes(left) { left in postcodes.withBytes(right) { left.lexicographicallyPrecedes($0) } }
        }
        var numbers: [WindowStart: Int] = [:]
        var windows: [WindowStart] = []
        let ofKey = (0..<count).map { index in
            let window = entries[index].window
            let number = numbers[window] ?? windows.count
            if number == windows.count {
                numbers[window] = number
                windows.append(window)
            }
            return Int32(truncatingIfNeeded: number)
        }
        let ofWindow = Self.ranks(windows.count) { windows[$0] < windows[$1] }
        var places = (0..<count).map { index in
            let (window, postcode) = (ofWindow[Int(ofKey[index])], ofPostcode[Int(entries[index].postcode)])
            return Place(rank: UInt64(window) << 32 | UInt64(postcode), index: Int32(truncatingIfNeeded: index))
        }
        places.sort { $0.rank < $1.rank }
        return places.map(\.index)
    }

    /// The rank of each of the numbers 0 to `count` - 1 in their order.
    private static func ranks(_ count: Int, _ precedes: (Int, Int) -> Bool) -> [UInt32] {
        var ranks = [UInt32](repeating: 0, count: count)
        for (rank, number) in (0..<count).sorted(by: precedes).enumerated() {
            ranks[number] = UInt32(truncatingIfNeeded: rank)
        }
        return ranks
    }
}
