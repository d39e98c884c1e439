// A sum and a fingerprint of the counts of each window. They compare two sides key by key in memory that is bounded by
// the number of windows.
//
// The fingerprint is the sum over all keys of count x hash(window, postcode), modulo 2^64, with a random seed per run.
// Two sides that differ in a key have equal fingerprints with a probability of about 2^-64. The hash of a postcode is
// separate, so that it is computed once for many rows.

package import Base
import Parquet

/// Sums and fingerprints by window.
package struct WindowSums {
    package struct Entry: Equatable {
        package var sum: Int64 = 0
        package var fingerprint: UInt64 = 0
    }

    private let seed: UInt64
    private var indexes: [WindowStart: Int] = [:]
    private var entries: [Entry] = []
    private var last: (window: WindowStart, index: Int, hash: UInt64) = (.first, 0, 0)

    package init(seed: UInt64) { self.seed = seed }

    package var total: Int64 { entries.reduce(0) { $0 &+ $1.sum } }
    package var count: Int { entries.count }

    /// Adds `count` to a key.
    @inline(__always)
    package mutating func add(window: WindowStart, postcode: UnsafeRawBufferPointer, count: Int64) {
        add(window: window, hash: Self.hash(seed, postcode), count: count)
    }

    /// Adds `count` to a key whose postcode has this hash under the same seed.
    @inline(__always)
    package mutating func add(window: WindowStart, hash: UInt64, count: Int64) {
        if window != last.window { select(window) }
        let fingerprint = UInt64(bitPattern: count) &* Self.mix(last.hash ^ hash)
        entries[last.index].sum &+= count
        entries[last.index].fingerprint &+= fingerprint
    }

    /// The hashes of a column's dictionary entries, or of its rows if it has no dictionary.
    func hashes(of postcodes: ByteStrings) -> [UInt64] {
        (0..<postcodes.entryCount).map { entry in postcodes.withEntry(entry) { Self.hash(seed, $0) } }
    }

    private mutating func select(_ window: WindowStart) {
        let index = indexes[window] ?? entries.count
        if index == entries.count {
            indexes[window] = index
            entries.append(Entry())
        }
        last = (window, index, Self.mix(seed ^ UInt64(bitPattern: window.rawValue) &* 0x9E37_79B9_7F4A_7C15))
    }

    /// The windows in which the two sides differ, ascending.
    static func differing(_ left: WindowSums, _ right: WindowSums) -> [WindowStart] {
        var found: [WindowStart] = []
        for (window, index) in left.indexes where left.entries[index] != right.entry(window) { found.append(window) }
        for (window, index) in right.indexes where left.indexes[window] == nil && right.entries[index] != Entry() {
            found.append(window)
        }
        return found.sorted()
    }

    /// The entry of a window; zero for a window without counts.
    package func entry(_ window: WindowStart) -> Entry { indexes[window].map { entries[$0] } ?? Entry() }

    /// The hash of a postcode.
    package static func hash(_ seed: UInt64, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = mix(seed ^ 0x2545_F491_4F6C_DD1D)
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

    /// The hash of a postcode at an offset of a partition.
    @inline(__always)
    package static func hash(_ postcode: UInt64, _ partition: PartitionID, _ offset: KafkaOffset) -> UInt64 {
        let place = UInt64(bitPattern: offset.rawValue) &* 0x9E37_79B9_7F4A_7C15
        return mix(postcode ^ mix(place ^ UInt64(UInt32(bitPattern: partition.rawValue))))
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return (product.high ^ product.low) &* 0xA076_1D64_78BD_642F ^ value >> 29
    }
}
