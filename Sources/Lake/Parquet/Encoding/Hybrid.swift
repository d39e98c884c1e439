// Encodes the RLE / bit-packing hybrid (parquet-format, Encodings.md, RLE = 3), without a length prefix. Runs long
// enough to save space become RLE runs; other values are bit-packed in groups of eight.

enum Hybrid {
    /// Appends `count` values of `width` bits (0 ... 32).
    static func encode(_ values: UnsafePointer<UInt32>, count: Int, width: Int, to out: OutputBuffer) {
        // A run interrupts the packed groups and costs two headers, so narrow values need longer runs.
        let shortest = width <= 2 ? 32 : width <= 4 ? 16 : 8
        var packedFrom = 0
        var index = 0
        while index < count {
            let run = runLength(values, from: index, to: count)
            if run >= shortest {
                encodePacked(values + packedFrom, count: index - packedFrom, width: width, to: out)
                encodeRun(values[index], length: run, width: width, to: out)
                index += run
                packedFrom = index
            } else {
                index = min(index + max(8, run & ~7), count)
            }
        }
        encodePacked(values + packedFrom, count: count - packedFrom, width: width, to: out)
    }

    @inline(__always)
    private static func runLength(_ values: UnsafePointer<UInt32>, from start: Int, to end: Int) -> Int {
        let value = values[start]
        var index = start + 1
        while index < end, values[index] == value { index += 1 }
        return index - start
    }

    private static func encodeRun(_ value: UInt32, length: Int, width: Int, to out: OutputBuffer) {
        out.appendVarint(UInt64(length) << 1)
        let bytes = (width + 7) / 8
        for index in 0..<bytes { out.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * index))) }
    }

    /// Appends bit-packed groups and pads the last with zeros, so `count` is a multiple of 8 except in a sequence's
    /// last call.
    private static func encodePacked(_ values: UnsafePointer<UInt32>, count: Int, width: Int, to out: OutputBuffer) {
        guard count > 0 else { return }
        let groups = (count + 7) / 8
        out.appendVarint(UInt64(groups) << 1 | 1)
        let length = groups * width
        out.append(upTo: length + 8) { target in
            let written = BitPacking.bytes(count, width)
            BitPacking.pack(values, count: count, width: width, to: target)
            for index in written..<max(written, length) { target[index] = 0 }
            return length
        }
    }

    /// Appends the definition levels (width 1) of `rows` rows, of which `nulls` (ascending) are null.
    static func encodeLevels(rows: Int, nulls: [UInt32], to out: OutputBuffer) {
        guard !nulls.isEmpty, nulls.count < rows else {
            return encodeRun(nulls.isEmpty ? 1 : 0, length: rows, width: 1, to: out)
        }
        var bits = [UInt8](repeating: 0xFF, count: (rows + 7) / 8)
        for row in nulls { bits[Int(row >> 3)] &= ~(1 << UInt8(row & 7)) }
        var packedFrom = 0
        var index = 0
        while index < bits.count {
            var end = index + 1
            while end < bits.count, bits[end] == bits[index] { end += 1 }
            if end - index >= 4, bits[index] == 0 || bits[index] == 0xFF {
                encodeBytes(bits[packedFrom..<index], to: out)
                encodeRun(UInt32(bits[index] & 1), length: min(end * 8, rows) - index * 8, width: 1, to: out)
                packedFrom = end
            }
            index = end
        }
        encodeBytes(bits[packedFrom...], to: out)
    }

    private static func encodeBytes(_ packed: ArraySlice<UInt8>, to out: OutputBuffer) {
        guard !packed.isEmpty else { return }
        out.appendVarint(UInt64(packed.count) << 1 | 1)
        packed.withUnsafeBytes { out.append($0) }
    }
}
