// Decodes the RLE / bit-packing hybrid (parquet-format, Encodings.md) from untrusted input. Truncates runs at the
// number of values requested, and throws when the input ends early.

struct HybridDecoder {
    var input: InputBytes
    let width: Int

    /// A decoder of `input`. Throws `corrupt` for a width outside 0 ... 32.
    /// - Parameter width: bits per value.
    init(_ input: InputBytes, width: Int) throws {
        guard width >= 0, width <= 32 else { throw input.corrupt("bit width \(width) of run-length encoded values") }
        self.input = input
        self.width = width
    }

    /// Decodes exactly `count` values to `out`. Throws `corrupt` when the input does not hold them.
    mutating func decode(_ count: Int, to out: UnsafeMutablePointer<UInt32>) throws {
        var done = 0
        while done < count {
            let header = try input.varint()
            let left = count - done
            if header & 1 == 1 {
                let groups = header >> 1
                guard groups > 0, groups <= UInt64(Int32.max) else {
                    throw input.corrupt("a packed run of \(groups) groups")
                }
                // Some writers omit the padding of the last group.
                let values = min(Int(groups) * 8, left)
                let needed = BitPacking.bytes(values, width)
                let packed = try input.take(needed)
                _ = try input.take(min(Int(groups) * width - needed, input.left))
                let target = out + done
                BitPacking.unpack(packed, count: values, width: width) { target[$0] = UInt32(truncatingIfNeeded: $1) }
                done += values
            } else {
                let length = header >> 1
                guard length > 0, length <= UInt64(Int32.max) else { throw input.corrupt("a run of \(length) values") }
                let value = try input.littleEndian(bytes: (width + 7) / 8)
                guard width == 32 || value >> UInt64(width) == 0 else {
                    throw input.corrupt("a run's value beyond its bit width")
                }
                let values = min(Int(length), left)
                (out + done).update(repeating: UInt32(truncatingIfNeeded: value), count: values)
                done += values
            }
        }
    }
}
