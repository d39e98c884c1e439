// Counts condensed by window: a sum and a fingerprint, so that two sides are compared key by key in memory that is
// bounded by the number of windows.
// Invariant: the fingerprint is the sum over keys of count x hash(window, postcode), modulo 2^64, with a seed drawn for each
// run: sides that differ in any key have the same one with a chance of about 2^-64.

/// Sums by window.
struct WindowSums {
    struct Entry: Equatable {
        var sum: Int64 = 0
        var fingerprint: UInt64 = 0
    }

    private let seed: UInt64
    private var indexes: [Int64: Int] = [:]
    private var windows: [Int64] = []
    private var entries: [Entry] = []
    private var last: (window: Int64, index: Int)?

    init(seed: UInt64) { self.seed = seed }

    var total: Int64 { entries.reduce(0) { $0 &+ $1.sum } }
    var count: Int { entries.count }

    /// Adds `count` to a key.
    @inline(__always)
    mutating func add(window: Int64, postcode: UnsafeRawBufferPointer, count: Int64) {
        let index = index(of: window)
        entries[index].sum &+= count
        entries[index].fingerprint &+= UInt64(bitPattern: count) &* Self.hash(seed, window, postcode)
    }

    @inline(__always)
    private mutating func index(of window: Int64) -> Int {
        if let last, last.window == window { return last.index }
        let index = indexes[window] ?? entries.count
        if index == entries.count {
            indexes[window] = index
            windows.append(window)
            entries.append(Entry())
        }
        last = (window, index)
        return index
    }

    /// The windows in which the two differ, ascending.
    static func differing(_ left: WindowSums, _ right: WindowSums) -> [Int64] {
        var found: [Int64] = []
        for (window, index) in left.indexes where left.entries[index] != right.entry(window) { found.append(window) }
        for (window, index) in right.indexes where left.indexes[window] == nil && right.entries[index] != Entry() {
            found.append(window)
        }
        return found.sorted()
    }

    /// What a window holds.
    func entry(_ window: Int64) -> Entry { indexes[window].map { entries[$0] } ?? Entry() }

    static func hash(_ seed: UInt64, _ window: Int64, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = mix(seed ^ UInt64(bitPattern: window) &* 0x9E37_79B9_7F4A_7C15)
        var at = 0
        while at &+ 8 <= bytes.count {
            hash = mix(hash ^ bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at &+= 8
        }
        var rest = UInt64(bytes.count)
        while at < bytes.count {
            rest = rest << 8 | UInt64(bytes[at])
            at &+= 1
        }
        return mix(hash ^ rest)
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return (product.high ^ product.low) &* 0xA076_1D64_78BD_642F ^ value >> 29
    }
}
