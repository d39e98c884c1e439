// DELTA_BINARY_PACKED (parquet-format, Encodings.md): blocks of 128 differences in four miniblocks of 32.
// Differences wrap around in the width of the type, so any sequence can be stored.

enum Delta {
    private static let blockSize = 128
    private static let miniblockSize = 32
    private static let miniblocks = 4

    /// Appends `values`.
    static func encode<T: FixedWidthInteger & SignedInteger>(_ values: UnsafeBufferPointer<T>, to out: OutputBuffer)
    where T.Magnitude: FixedWidthInteger {
        out.appendVarint(UInt64(blockSize))
        out.appendVarint(UInt64(miniblocks))
        out.appendVarint(UInt64(values.count))
        out.appendZigzag(Int64(values.first ?? 0))
        guard values.count > 1, let base = values.baseAddress else { return }
        withUnsafeTemporaryAllocation(of: T.Magnitude.self, capacity: blockSize) { block in
            guard let deltas = block.baseAddress else { return }
            var index = 1
            while index < values.count {
                let count = min(blockSize, values.count - index)
                encodeBlock(base + index, count: count, deltas, to: out)
                index += count
            }
        }
    }

    private static func encodeBlock<T: FixedWidthInteger & SignedInteger>(
        _ values: UnsafePointer<T>, count: Int, _ deltas: UnsafeMutablePointer<T.Magnitude>, to out: OutputBuffer
    ) {
        var smallest = T.max
        var previous = (values - 1).pointee
        for index in 0..<count {
            let value = values[index]
            let delta = value &- previous
            previous = value
            smallest = min(smallest, delta)
            deltas[index] = T.Magnitude(truncatingIfNeeded: delta)
        }
        let least = T.Magnitude(truncatingIfNeeded: smallest)
        for index in 0..<count { deltas[index] = deltas[index] &- least }
        for index in count..<max(count, blockSize) { deltas[index] = 0 }
        out.appendZigzag(Int64(smallest))
        let widthsAt = out.count
        for _ in 0..<miniblocks { out.append(0) }
        for mini in 0..<(count + miniblockSize - 1) / miniblockSize {
            let start = deltas + mini * miniblockSize
            var all: T.Magnitude = 0
            for index in 0..<miniblockSize { all |= start[index] }
            let width = BitPacking.width(UInt64(truncatingIfNeeded: all))
            let length = miniblockSize * width / 8
            out.overwrite(UInt8(width), at: widthsAt + mini)
            out.append(upTo: length + 8) { target in
                BitPacking.pack(start, count: miniblockSize, width: width, to: target)
                return length
            }
        }
    }

    /// Decodes exactly `count` values of untrusted input to `out`. Throws `corrupt` when the input does not hold them.
    static func decode<T: FixedWidthInteger & SignedInteger>(
        _ input: inout InputBytes, count: Int, to out: UnsafeMutablePointer<T>
    ) throws {
        let blockSize = try input.varint()
        let miniblocks = try input.varint()
        let total = try input.varint()
        var last = T(truncatingIfNeeded: try input.zigzag())
        guard blockSize > 0, blockSize <= 1 << 20, miniblocks > 0, miniblocks <= blockSize,
            blockSize % miniblocks == 0, (blockSize / miniblocks) % 8 == 0
        else { throw input.corrupt("delta blocks of \(blockSize) values in \(miniblocks) miniblocks") }
        guard total == UInt64(count) else { throw input.corrupt("\(total) delta values where the page has \(count)") }
        guard count > 0 else { return }
        out[0] = last
        let perMiniblock = Int(blockSize / miniblocks)
        var done = 1
        while done < count {
            let smallest = T(truncatingIfNeeded: try input.zigzag())
            let widths = try input.take(Int(miniblocks))
            for width in widths where done < count {
                guard width <= 64 else { throw input.corrupt("a delta width of \(width) bits") }
                let values = min(perMiniblock, count - done)
                let needed = BitPacking.bytes(values, Int(width))
                let packed = try input.take(needed)
                // Most writers pad the last miniblock; some truncate it.
                _ = try input.take(min(BitPacking.bytes(perMiniblock, Int(width)) - needed, input.left))
                let target = out + done
                BitPacking.unpack(packed, count: values, width: Int(width)) { index, delta in
                    last = last &+ smallest &+ T(truncatingIfNeeded: delta)
                    target[index] = last
                }
                done += values
            }
        }
    }
}
