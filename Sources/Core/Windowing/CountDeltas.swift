// The counts since the last flush: (window, postcode) -> number of events.
//
// An open-addressing hash table whose keys are stored in one arena: adding an event allocates nothing once the table
// has its size. Raw pointers keep bounds checks and reference counting out of the path of every event. The class is not
// Sendable: one thread uses a table at a time.
//
// Invariants: at most half of the slots are used; the arena stays below 4 GiB, because the owner flushes at a few
// hundred thousand entries and a postcode has at most 64 bytes.

package import Base

/// Counts per window and postcode that are not in the state yet.
package final class CountDeltas {
    private struct Entry {
        var window: WindowStart
        /// The first eight bytes of the postcode, big-endian, padded with zeros: orders most keys in one comparison.
        var prefix: UInt64
        var count: Int64
        var hash: UInt64
        var offset: UInt32
        var length: UInt32
    }

    /// The entry's index + 1, zero in a free slot, and the upper half of its hash, which rules out most other keys
    /// without a read of the entry.
    private struct Slot {
        var reference: UInt32
        var tag: UInt32
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var entries: UnsafeMutablePointer<Entry>
    private var capacity: Int
    /// The number of different (window, postcode) pairs.
    package private(set) var count = 0
    private var arena: UnsafeMutableRawPointer
    private var arenaSize = 1 << 16
    private var arenaUsed = 0
    private let seed: UInt64
    private static let smallest = 1 << 12

    /// - Parameter seed: varies the hash function, so that senders cannot prepare colliding keys.
    package init(seed: UInt64) {
        self.seed = seed
        mask = Self.smallest - 1
        slots = Self.freeSlots(Self.smallest)
        capacity = Self.smallest / 2
        entries = .allocate(capacity: capacity)
        arena = .allocate(byteCount: arenaSize, alignment: 8)
    }

    deinit {
        slots.deallocate()
        entries.deallocate()
        arena.deallocate()
    }

    /// Whether nothing was added since the last `removeAll`.
    package var isEmpty: Bool { count == 0 }

    /// Adds `count` events of one postcode to one window.
    package func add(window: WindowStart, postcode: UnsafeRawBufferPointer, count added: Int64 = 1) {
        let prefix = Self.prefix(of: postcode)
        let hash = Self.hash(postcode, prefix: prefix, window: window.rawValue, seed: seed)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot].reference != 0 {
            if slots[slot].tag == tag {
                let entry = entries + Int(slots[slot].reference - 1)
                if entry.pointee.window == window, entry.pointee.prefix == prefix, isKey(entry.pointee, postcode) {
                    entry.pointee.count += added
                    return
                }
            }
            slot = (slot + 1) & mask
        }
        if count == capacity {
            grow()
            return add(window: window, postcode: postcode, count: added)
        }
        assert(count < capacity && capacity * 2 == mask + 1, "at most half of the slots are used")
        let offset = store(postcode)
        (entries + count).initialize(
            to: Entry(
                window: window, prefix: prefix, count: added, hash: hash, offset: offset,
                length: UInt32(truncatingIfNeeded: postcode.count)))
        count += 1
        slots[slot] = Slot(reference: UInt32(truncatingIfNeeded: count), tag: tag)
    }

    /// Removes all entries. Keeps the memory, unless the table is far larger than its entries required.
    package func removeAll() {
        if count * 16 < mask, mask >= 1 << 16 {
            resize(toSlots: (mask + 1) / 4)
        } else {
            slots.update(repeating: Slot(reference: 0, tag: 0), count: mask + 1)
        }
        count = 0
        arenaUsed = 0
    }

    /// Calls `body` for each pair in ascending order of (window, postcode bytes). The bytes are valid only in `body`.
    package func forEachSorted(_ body: (WindowStart, UnsafeRawBufferPointer, Int64) throws -> Void) rethrows {
        var order = (0..<count).map { UInt32(truncatingIfNeeded: $0) }
        order.sort { precedes(entries[Int($0)], entries[Int($1)]) }
        for index in order {
            let entry = entries[Int(index)]
            try body(entry.window, key(of: entry), entry.count)
        }
    }

    private func key(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: arena + Int(entry.offset), count: Int(entry.length))
    }

    private func precedes(_ a: Entry, _ b: Entry) -> Bool {
        if a.window != b.window { return a.window < b.window }
        if a.prefix != b.prefix { return a.prefix < b.prefix }
        return key(of: a).lexicographicallyPrecedes(key(of: b))
    }

    /// Whether the entry has this postcode. The caller has compared the prefixes.
    @inline(__always)
    private func isKey(_ entry: Entry, _ postcode: UnsafeRawBufferPointer) -> Bool {
        guard Int(entry.length) == postcode.count else { return false }
        return postcode.count <= 8 || key(of: entry).elementsEqual(postcode)
    }

    private func store(_ postcode: UnsafeRawBufferPointer) -> UInt32 {
        if arenaUsed + postcode.count > arenaSize {
            let size = max(arenaSize * 2, arenaUsed + postcode.count)
            let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
            larger.copyMemory(from: arena, byteCount: arenaUsed)
            arena.deallocate()
            (arena, arenaSize) = (larger, size)
        }
        let offset = arenaUsed
        if let start = postcode.baseAddress { (arena + offset).copyMemory(from: start, byteCount: postcode.count) }
        arenaUsed += postcode.count
        assert(arenaUsed <= Int(UInt32.max), "the arena stays below 4 GiB")
        return UInt32(truncatingIfNeeded: offset)
    }

    private static func freeSlots(_ number: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: number)
        slots.initialize(repeating: Slot(reference: 0, tag: 0), count: number)
        return slots
    }

    /// Replaces slots and entries. Keeps as many of the first `count` entries as fit; leaves all slots free.
    private func resize(toSlots number: Int) {
        slots.deallocate()
        slots = Self.freeSlots(number)
        mask = number - 1
        let moved = UnsafeMutablePointer<Entry>.allocate(capacity: number / 2)
        moved.moveInitialize(from: entries, count: min(count, number / 2))
        entries.deallocate()
        entries = moved
        capacity = number / 2
    }

    private func grow() {
        resize(toSlots: (mask + 1) * 2)
        for index in 0..<count {
            let hash = entries[index].hash
            var slot = Int(truncatingIfNeeded: hash) & mask
            while slots[slot].reference != 0 { slot = (slot + 1) & mask }
            slots[slot] = Slot(
                reference: UInt32(truncatingIfNeeded: index + 1), tag: UInt32(truncatingIfNeeded: hash >> 32))
        }
    }

    @inline(__always)
    private static func prefix(of bytes: UnsafeRawBufferPointer) -> UInt64 {
        if bytes.count >= 8 { return UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) }
        var value: UInt64 = 0
        for byte in bytes { value = value << 8 | UInt64(byte) }
        return bytes.isEmpty ? 0 : value << UInt64(8 * (8 - bytes.count))
    }

    /// Multiply-and-fold over eight bytes at a time.
    @inline(__always)
    private static func hash(
        _ bytes: UnsafeRawBufferPointer, prefix: UInt64, window: Int64, seed: UInt64
    ) -> UInt64 {
        var state = mix(seed ^ UInt64(bitPattern: window), prefix ^ 0x9E37_79B9_7F4A_7C15)
        var offset = 8
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            state = mix(state, self.prefix(of: rest) ^ 0xE703_7ED1_A0B4_28DB)
            offset += 8
        }
        return mix(state, UInt64(bytes.count) ^ 0x8EBC_6AF0_9C88_C6E3)
    }

    @inline(__always)
    private static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
