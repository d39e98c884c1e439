// (window, postcode) pairs with two counters each, found for every raw row.
//
// A postcode has a number, which is looked up once for each dictionary entry of a row group; a row then costs one
// look-up of a pair of integers. Invariants: postcodes are compared byte by byte; memory follows the number of keys,
// not of rows; at most half of the slots are used; one thread at a time. Adding a key may move all of them, so no
// pointer into the memory leaves this file: callers hold indexes, which stay valid.

import Base
import Parquet

/// Postcodes by number, counted from 0.
final class PostcodeTable {
    /// A number + 1, and the upper half of the hash; zero for free.
    private struct Slot {
        var reference: UInt32 = 0
        var tag: UInt32 = 0
    }

    private var slots = [Slot](repeating: Slot(), count: 1 << 10)
    private var spans: [Range<Int>] = []
    private var hashes: [UInt64] = []
    private var bytes: [UInt8] = []
    private let seed: UInt64

    /// - Parameter seed: varies the hash function, so that nobody can prepare postcodes that collide.
    package init(seed: UInt64) { self.seed = seed }

    /// How many there are.
    package var count: Int { spans.count }
    /// A postcode's hash, which depends on the seed and its bytes alone.
    package func hash(_ number: Int) -> UInt64 { hashes[number] }

    /// The bytes of a postcode, valid only within `body`.
    package func withBytes<Result>(_ number: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        let span = spans[number]
        return try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[span])) }
    }

    /// A postcode's number; -1 when it has none and is not to be added.
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
        return Int32(spans.count - 1)
    }

    /// The numbers of a column's entries.
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

    /// An index + 1, and the upper half of the hash; zero for free.
    private struct Slot {
        var reference: UInt32
        var tag: UInt32
    }

    /// What changes, behind a constant pointer: the inner loops would otherwise be checked for exclusive access at
    /// every row.
    private struct Memory {
        var slots: UnsafeMutablePointer<Slot>
        var mask: Int
        var entries: UnsafeMutablePointer<Entry>
        var capacity: Int
        var count = 0
    }

    /// The postcodes of the keys, and others that were given a number.
    package let postcodes: PostcodeTable
    private let memory: UnsafeMutablePointer<Memory>
    private let seed: UInt64

    @inline(__always)
    private var entries: UnsafeMutablePointer<Entry> { memory.pointee.entries }

    /// The key of an index and its counters, as they are now.
    @inline(__always)
    package subscript(index: Int) -> Entry {
        assert(index >= 0 && index < count)
        return entries[index]
    }

    /// Adds to the counters of a key.
    /// - Returns: false when a counter would exceed 64 bits; neither is changed then.
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

    /// The number of keys; their indexes are below it.
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

    /// The index of a key; -1 when it is not there.
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

    /// The index of a key, which is added when it is not there.
    @inline(__always)
    package func index(window: WindowStart, postcode: Int32) -> Int {
        let found = find(window: window, postcode: postcode)
        return found >= 0 ? found : add(window: window, postcode: postcode)
    }

    /// The index of a key, which is added when it is not there.
    package func index(window: WindowStart, postcode: UnsafeRawBufferPointer) -> Int {
        index(window: window, postcode: postcodes.number(postcode, adding: true))
    }

    private func add(window: WindowStart, postcode: Int32) -> Int {
        if count == memory.pointee.capacity { grow() }
        let hash = hash(window, postcode)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        (entries + count).initialize(to: Entry(window: window, postcode: postcode, tag: tag))
        memory.pointee.count += 1
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

    /// Forgets the keys, and keeps the postcodes and the memory.
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
            /// The window's place among the windows, and the postcode's among the postcodes.
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

    /// The place of each of `count` things in their order.
    private static func ranks(_ count: Int, _ precedes: (Int, Int) -> Bool) -> [UInt32] {
        var ranks = [UInt32](repeating: 0, count: count)
        for (rank, number) in (0..<count).sorted(by: precedes).enumerated() {
            ranks[number] = UInt32(truncatingIfNeeded: rank)
        }
        return ranks
    }
}
