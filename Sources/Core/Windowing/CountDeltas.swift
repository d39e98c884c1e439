// What was counted since the last flush: (window, postcode) -> number of events.
//
// An open-addressing hash table whose keys live in one arena, so that adding an event allocates nothing once the table
// has its size. Invariants: at most half of the slots are used; the arena stays below 4 GiB because the owner flushes at a
// few hundred thousand entries of at most 64 bytes; one thread at a time.

package import Base

/// Counts per window and postcode that are not in the store yet.
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

    /// Entry index + 1, and the upper half of the hash so that most other keys are ruled out without reading them;
    /// zero for free.
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

    /// - Parameter seed: varies the hash function, so that nobody can prepare keys that collide.
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

    /// Nothing was added since the last `removeAll`.
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
        let offset = store(postcode)
        (entries + count).initialize(
            to: Entry(
                window: window, prefix: prefix, count: added, hash: hash, offset: offset,
                length: UInt32(truncatingIfNeeded: postcode.count)))
        count += 1
        slots[slot] = Slot(reference: UInt32(truncatingIfNeeded: count), tag: tag)
    }

    /// Forgets everything and keeps the memory, unless it has grown far beyond what was used.
    package func removeAll() {
        if count * 16 < mask, mask >= 1 << 16 {
            resize(toSlots: (mask + 1) / 4)
        } else {
            slots.update(repeating: Slot(reference: 0, tag: 0), count: mask + 1)
        }
        count = 0
        arenaUsed = 0
    }

    /// Calls `body` for each pair in ascending order of (window, postcode bytes); the bytes are valid only within it.
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

    /// The prefixes are known to be equal.
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
        return UInt32(truncatingIfNeeded: offset)
    }

    private static func freeSlots(_ number: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: number)
        slots.initialize(repeating: Slot(reference: 0, tag: 0), count: number)
        return slots
    }

    /// Replaces slots and entries; the first `count` entries that fit are kept, the slots are free.
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
