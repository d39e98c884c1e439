// The counts that are being recomputed, found by window and postcode bytes for every raw row.
// Invariant: postcodes are compared byte by byte; memory follows the number of keys, not of rows.

/// Finds keys by window and postcode: open addressing over one buffer of bytes.
struct KeyTable {
    private struct Slot {
        var hash: UInt64 = 0
        /// -1: free.
        var index: Int32 = -1
    }

    private var slots: [Slot]
    private let mask: Int
    private var windows: [Int64] = []
    private var spans: [Range<Int>] = []
    private var bytes: [UInt8] = []

    /// A table for at most `capacity` keys.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: Slot(), count: size)
        mask = size - 1
    }

    /// Adds a key that is not there yet; its index is the number of keys before it.
    mutating func append(window: Int64, postcode: String) {
        let start = bytes.count
        bytes.append(contentsOf: postcode.utf8)
        let span = start..<bytes.count
        let hash = bytes[span].withUnsafeBytes { Self.hash(window, $0) }
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot].index >= 0 { slot = (slot + 1) & mask }
        slots[slot] = Slot(hash: hash, index: Int32(clamping: windows.count))
        windows.append(window)
        spans.append(span)
    }

    /// The index of a key; nil when it is not there.
    @inline(__always)
    func find(window: Int64, postcode: UnsafeRawBufferPointer) -> Int? {
        let hash = Self.hash(window, postcode)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot].index >= 0 {
            let found = slots[slot]
            if found.hash == hash, matches(Int(found.index), window, postcode) { return Int(found.index) }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private func matches(_ index: Int, _ window: Int64, _ postcode: UnsafeRawBufferPointer) -> Bool {
        guard windows[index] == window, spans[index].count == postcode.count else { return false }
        return bytes[spans[index]].elementsEqual(postcode)
    }

    /// FNV-1a over the postcode, begun with the window, its bits mixed at the end.
    @inline(__always)
    private static func hash(_ window: Int64, _ postcode: UnsafeRawBufferPointer) -> UInt64 {
        var hash = 0xcbf2_9ce4_8422_2325 ^ UInt64(bitPattern: window) &* 0x9e37_79b9_7f4a_7c15
        for byte in postcode { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return hash ^ (hash >> 29)
    }
}
