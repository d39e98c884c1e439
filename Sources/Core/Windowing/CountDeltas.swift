// What was counted since the last flush: (window, postcode) -> number of events.
//
// An open-addressing hash table whose keys live in one arena, so that adding an event allocates nothing once the table
// has its size. Invariants: an entry is never moved within a generation of the table, `slots` holds entry index + 1 and
// 0 for free, the load stays at or below one half; one thread at a time.

/// Counts per window and postcode that are not in the store yet.
public final class CountDeltas {
    private struct Entry {
        var window: Int64
        /// The first eight bytes of the postcode, big-endian, padded with zeros: orders most keys in one comparison.
        var prefix: UInt64
        var hash: UInt64
        var count: Int64
        var offset: Int
        var length: Int
    }

    private var slots: UnsafeMutableBufferPointer<UInt32>
    private var entries: [Entry] = []
    private var arena: UnsafeMutableRawBufferPointer
    private var arenaUsed = 0
    private let seed: UInt64

    /// - Parameter seed: varies the hash function, so that nobody can prepare keys that collide.
    public init(seed: UInt64) {
        self.seed = seed
        slots = .allocate(capacity: 1 << 12)
        slots.initialize(repeating: 0)
        arena = .allocate(byteCount: 1 << 16, alignment: 8)
    }

    deinit {
        slots.deallocate()
        arena.deallocate()
    }

    /// The number of different (window, postcode) pairs.
    public var count: Int { entries.count }
    /// Nothing was added since the last `removeAll`.
    public var isEmpty: Bool { entries.isEmpty }

    /// Adds `count` events of one postcode to one window.
    public func add(window: Int64, postcode: UnsafeRawBufferPointer, count: Int64 = 1) {
        let prefix = Self.prefix(of: postcode)
        let hash = Self.hash(postcode, prefix: prefix, window: window, seed: seed)
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if matches(index, hash, window, prefix, postcode) {
                entries[index].count += count
                return
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        let offset = store(postcode)
        entries.append(
            Entry(
                window: window, prefix: prefix, hash: hash, count: count, offset: offset, length: postcode.count))
        slots[slot] = UInt32(entries.count)
        if entries.count * 2 > slots.count { grow() }
    }

    /// Forgets everything and keeps the memory, unless it has grown far beyond what was used.
    public func removeAll() {
        let used = entries.count
        entries.removeAll(keepingCapacity: true)
        arenaUsed = 0
        if used * 16 < slots.count, slots.count > 1 << 16 {
            entries = []
            resetSlots(to: slots.count / 4)
        } else {
            slots.update(repeating: 0)
        }
    }

    /// Calls `body` for each pair in ascending order of (window, postcode bytes); the bytes are valid only within it.
    public func forEachSorted(_ body: (Int64, UnsafeRawBufferPointer, Int64) throws -> Void) rethrows {
        var order = Array(entries.indices)
        order.sort { precedes(entries[$0], entries[$1]) }
        for index in order {
            let entry = entries[index]
            try body(entry.window, key(of: entry), entry.count)
        }
    }

    private func key(of entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: arena[entry.offset..<entry.offset + entry.length])
    }

    private func precedes(_ a: Entry, _ b: Entry) -> Bool {
        if a.window != b.window { return a.window < b.window }
        if a.prefix != b.prefix { return a.prefix < b.prefix }
        return key(of: a).lexicographicallyPrecedes(key(of: b))
    }

    private func matches(
        _ index: Int, _ hash: UInt64, _ window: Int64, _ prefix: UInt64, _ postcode: UnsafeRawBufferPointer
    ) -> Bool {
        let entry = entries[index]
        guard entry.hash == hash, entry.window == window, entry.prefix == prefix, entry.length == postcode.count
        else { return false }
        return entry.length <= 8 || key(of: entry).elementsEqual(postcode)
    }

    private func store(_ postcode: UnsafeRawBufferPointer) -> Int {
        if arenaUsed + postcode.count > arena.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(arena.count * 2, arenaUsed + postcode.count), alignment: 8)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: arena[..<arenaUsed]))
            arena.deallocate()
            arena = larger
        }
        UnsafeMutableRawBufferPointer(rebasing: arena[arenaUsed...]).copyMemory(from: postcode)
        defer { arenaUsed += postcode.count }
        return arenaUsed
    }

    private func grow() {
        resetSlots(to: slots.count * 2)
        for (index, entry) in entries.enumerated() {
            var slot = Int(truncatingIfNeeded: entry.hash) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(index + 1)
        }
    }

    private func resetSlots(to capacity: Int) {
        slots.deallocate()
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: 0)
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
