// The dictionary of a numeric column chunk: value bits to index, in order of first appearance.
// A hash table with open addressing.
// Invariant: the table is at most half full, so every search ends.

final class NumberDictionary<Bits: FixedWidthInteger & UnsignedInteger & BitwiseCopyable> {
    private var slots: UnsafeMutablePointer<UInt32>
    private var values: UnsafeMutablePointer<Bits>
    private var slotBits = 10
    private(set) var count = 0

    init() {
        slots = .allocate(capacity: 1 << 10)
        slots.update(repeating: 0, count: 1 << 10)
        values = .allocate(capacity: 1 << 9)
    }

    deinit {
        slots.deallocate()
        values.deallocate()
    }

    var byteCount: Int { count * MemoryLayout<Bits>.size }

    /// The entries as PLAIN values.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: values, count: byteCount) }

    func clear() {
        slots.update(repeating: 0, count: 1 << slotBits)
        count = 0
    }

    /// Writes the index of each value to `indices`; inserts new values.
    @inline(__always)
    func lookUp<T: ParquetNumber>(_ input: UnsafeBufferPointer<T>, _ indices: UnsafeMutablePointer<UInt32>)
    where T.Bits == Bits {
        guard let first = input.first else { return }
        var last = first.bits
        var lastIndex = index(of: last)
        for position in 0..<input.count {
            let bits = input[position].bits
            if bits != last {
                lastIndex = index(of: bits)
                last = bits
            }
            indices[position] = lastIndex
        }
    }

    @inline(__always)
    private func index(of bits: Bits) -> UInt32 {
        let mask = (1 &<< slotBits) &- 1
        var slot = Self.hash(bits, slotBits)
        while true {
            let entry = slots[slot]
            if entry == 0 { return insert(bits, slot) }
            if values[Int(entry &- 1)] == bits { return entry &- 1 }
            slot = (slot &+ 1) & mask
        }
    }

    @inline(__always)
    private static func hash(_ bits: Bits, _ slotBits: Int) -> Int {
        let mixed = UInt64(truncatingIfNeeded: bits) &* 0x9E37_79B9_7F4A_7C15
        let folded = (mixed ^ (mixed &>> 29)) &* 0xBF58_476D_1CE4_E5B9
        return Int(truncatingIfNeeded: folded &>> UInt64(64 &- slotBits))
    }

    private func insert(_ bits: Bits, _ slot: Int) -> UInt32 {
        values[count] = bits
        slots[slot] = UInt32(count + 1)
        count += 1
        if count == 1 << (slotBits - 1) { grow() }
        assert(count < 1 << (slotBits - 1), "the table is at most half full")
        return UInt32(count - 1)
    }

    private func grow() {
        slotBits += 1
        let larger = UnsafeMutablePointer<Bits>.allocate(capacity: 1 << (slotBits - 1))
        larger.update(from: values, count: count)
        values.deallocate()
        values = larger
        slots.deallocate()
        slots = .allocate(capacity: 1 << slotBits)
        slots.update(repeating: 0, count: 1 << slotBits)
        let mask = (1 << slotBits) - 1
        for entry in 0..<count {
            var slot = Self.hash(values[entry], slotBits)
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            slots[slot] = UInt32(entry + 1)
        }
    }
}
