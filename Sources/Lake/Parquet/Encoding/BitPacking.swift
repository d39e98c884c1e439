// Bit packing, least significant bit first, for the hybrid and the delta encoding (parquet-format, Encodings.md).

enum BitPacking {
    /// Packs `count` values of `width` bits (0 ... 64) to `out` and fills the last byte with zero bits. `out` must have
    /// room for `bytes(count, width)` + 8 bytes. Bits above `width` must be zero.
    static func pack<T: FixedWidthInteger & UnsignedInteger>(
        _ values: UnsafePointer<T>, count: Int, width: Int, to out: UnsafeMutablePointer<UInt8>
    ) {
        guard width > 0 else { return }
        let raw = UnsafeMutableRawPointer(out)
        var position = 0
        var word: UInt64 = 0
        var filled = 0
        for index in 0..<count {
            let value = UInt64(truncatingIfNeeded: values[index])
            word |= value &<< UInt64(truncatingIfNeeded: filled)
            filled &+= width
            if filled >= 64 {
                raw.storeBytes(of: word.littleEndian, toByteOffset: position, as: UInt64.self)
                position &+= 8
                filled &-= 64
                // The bits that did not fit. The smart shift by 64 yields 0.
                word = value >> UInt64(truncatingIfNeeded: width &- filled)
            }
        }
        raw.storeBytes(of: word.littleEndian, toByteOffset: position, as: UInt64.self)
    }

    /// Number of bytes of `count` packed values of `width` bits.
    static func bytes(_ count: Int, _ width: Int) -> Int { (count * width + 7) / 8 }

    /// Calls `body` with each of `count` values of `width` bits (0 ... 64). `input` must hold `bytes(count, width)`
    /// bytes.
    @inline(__always)
    static func unpack(
        _ input: UnsafeRawBufferPointer, count: Int, width: Int, _ body: (_ index: Int, _ value: UInt64) -> Void
    ) {
        guard width > 0, let base = input.baseAddress else {
            for index in 0..<count { body(index, 0) }
            return
        }
        let mask: UInt64 = width == 64 ? .max : (1 &<< UInt64(width)) &- 1
        // Needs no bounds checks while a whole word, and for wide values one more byte, is left.
        let safeBytes = input.count - (width > 56 ? 9 : 8)
        let safe = safeBytes < 0 ? 0 : min(count, safeBytes * 8 / width + 1)
        var bit = 0
        for index in 0..<safe {
            let start = base + (bit &>> 3)
            let shift = UInt64(truncatingIfNeeded: bit & 7)
            var value = UInt64(littleEndian: start.loadUnaligned(as: UInt64.self)) &>> shift
            if width > 56, shift > 0 { value |= UInt64(start.load(fromByteOffset: 8, as: UInt8.self)) << (64 &- shift) }
            body(index, value & mask)
            bit &+= width
        }
        for index in safe..<max(safe, count) {
            body(index, slowValue(input, bit: bit, width: width) & mask)
            bit &+= width
        }
    }

    private static func slowValue(_ input: UnsafeRawBufferPointer, bit: Int, width: Int) -> UInt64 {
        var value: UInt64 = 0
        var have = -(bit & 7)
        var index = bit >> 3
        while have < width, index < input.count {
            let byte = UInt64(input[index])
            value |= have < 0 ? byte >> UInt64(-have) : byte << UInt64(have)
            have += 8
            index += 1
        }
        return value
    }

    /// Number of bits that `value` needs, 0 ... 64.
    @inline(__always)
    static func width(_ value: UInt64) -> Int { 64 - value.leadingZeroBitCount }
}
