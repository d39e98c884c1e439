// Validates one portable 32-bit Roaring bitmap (https://github.com/RoaringBitmap/RoaringFormatSpec) before CRoaring
// reads it: version 0.2.66 checks lengths only, and misbehaves on containers that are out of order.
//
//   bitmap     = cookie-runs run-flags header [offsets] container*   | cookie-plain u32-count header offsets container*
//   header     = (u16 key, u16 cardinality - 1)*, keys ascending
//   container  = run: u16 count (u16 start, u16 length - 1)*
//              | array (cardinality <= 4096): u16*, ascending
//              | bitset: 8192 bytes
//
// All numbers are little-endian. After the runs cookie, fewer than 4 containers have no offsets.

/// Finds the end of a portable bitmap and rejects malformed ones.
struct PortableFormat {
    private static let plainCookie: UInt32 = 12346
    private static let runsCookie: UInt32 = 12347
    private static let offsetsFromContainers = 4
    private static let arrayLimit = 4096
    private static let bitsetBytes = 8192

    private let bytes: UnsafeRawBufferPointer
    private var position: Int

    /// The length in bytes of the bitmap that starts at `start`.
    /// - Throws: `BitmapError` when it is malformed.
    static func check(_ bytes: UnsafeRawBufferPointer, from start: Int) throws(BitmapError) -> Int {
        var format = PortableFormat(bytes: bytes, position: start)
        try format.bitmap()
        return format.position - start
    }

    private mutating func bitmap() throws(BitmapError) {
        let cookieAt = position
        let cookie = try u32()
        let hasRuns = cookie & 0xFFFF == Self.runsCookie
        guard hasRuns || cookie == Self.plainCookie else {
            throw BitmapError("\(cookie) is not the cookie of a Roaring bitmap", at: cookieAt)
        }
        let count = hasRuns ? Int(cookie >> 16) + 1 : Int(try u32())
        guard count <= 65536 else { throw BitmapError("\(count) containers exceed the limit of 65536", at: cookieAt) }
        let flags = position
        if hasRuns { try skip((count + 7) / 8) }
        let cardinalities = try header(count)
        if !hasRuns || count >= Self.offsetsFromContainers { try skip(4 * count) }
        for (index, cardinality) in cardinalities.enumerated() {
            let isRun = hasRuns && bytes[flags + index / 8] & (1 << (index % 8)) != 0
            try container(isRun: isRun, cardinality: cardinality)
        }
    }

    private mutating func header(_ count: Int) throws(BitmapError) -> [Int] {
        try need(4 * count)
        var cardinalities: [Int] = []
        cardinalities.reserveCapacity(count)
        var previous = -1
        for _ in 0..<count {
            let key = Int(try u16())
            guard key > previous else { throw BitmapError("container keys are not ascending", at: position - 2) }
            previous = key
            cardinalities.append(Int(try u16()) + 1)
        }
        return cardinalities
    }

    private mutating func container(isRun: Bool, cardinality: Int) throws(BitmapError) {
        if isRun {
            try runs(cardinality)
        } else if cardinality <= Self.arrayLimit {
            try array(cardinality)
        } else {
            try bitset(cardinality)
        }
    }

    private mutating func runs(_ cardinality: Int) throws(BitmapError) {
        let start = position
        let count = Int(try u16())
        try need(4 * count)
        var next = 0
        var total = 0
        for _ in 0..<count {
            let first = Int(try u16())
            let length = Int(try u16()) + 1
            guard first >= next, first + length <= 65536 else {
                throw BitmapError("runs overlap or are not ascending", at: position - 4)
            }
            // A run may touch the one before it: that is harmless, and writers differ on merging them.
            next = first + length
            total += length
        }
        guard total == cardinality else {
            throw BitmapError("runs hold \(total) values, the header says \(cardinality)", at: start)
        }
    }

    private mutating func array(_ cardinality: Int) throws(BitmapError) {
        try need(2 * cardinality)
        var previous = -1
        for _ in 0..<cardinality {
            let value = Int(try u16())
            guard value > previous else { throw BitmapError("array values are not ascending", at: position - 2) }
            previous = value
        }
    }

    private mutating func bitset(_ cardinality: Int) throws(BitmapError) {
        try need(Self.bitsetBytes)
        var total = 0
        for index in position..<position + Self.bitsetBytes { total += bytes[index].nonzeroBitCount }
        guard total == cardinality else {
            throw BitmapError("bitset holds \(total) values, the header says \(cardinality)", at: position)
        }
        position += Self.bitsetBytes
    }

    private func need(_ count: Int) throws(BitmapError) {
        guard count <= bytes.count - position else {
            throw BitmapError("needs \(count) more bytes, \(bytes.count - position) are left", at: position)
        }
    }

    private mutating func skip(_ count: Int) throws(BitmapError) {
        try need(count)
        position += count
    }

    private mutating func u16() throws(BitmapError) -> UInt16 {
        try need(2)
        defer { position += 2 }
        return UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
    }

    private mutating func u32() throws(BitmapError) -> UInt32 {
        try need(4)
        defer { position += 4 }
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
    }
}
