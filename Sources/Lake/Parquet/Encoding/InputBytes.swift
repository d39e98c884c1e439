// A cursor over untrusted bytes, with their position in the file for error messages. In decompressed bytes, which have
// no position in the file, it is the page's.

struct InputBytes {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0
    /// The position in the file for error messages.
    let position: Int

    init(_ bytes: UnsafeRawBufferPointer, position: Int) {
        self.bytes = bytes
        self.position = position
    }

    var left: Int { bytes.count - offset }

    func corrupt(_ reason: String) -> ParquetError { .corrupt(position: position, reason: reason) }

    /// Checks that `count` more bytes are left, before memory is allocated for what they encode. Throws `corrupt`.
    func need(_ count: Int) throws {
        guard count >= 0, count <= left else { throw corrupt("\(count) bytes expected, \(left) left in the page") }
    }

    /// The next `count` bytes. Throws `corrupt` when fewer are left.
    mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        try need(count)
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    /// All remaining bytes.
    mutating func rest() -> UnsafeRawBufferPointer {
        defer { offset = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset...])
    }

    mutating func byte() throws -> UInt8 {
        guard offset < bytes.count else { throw corrupt("a byte expected at the end of the page") }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// An unsigned number of 0 to 8 bytes.
    mutating func littleEndian(bytes count: Int) throws -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(try byte()) << UInt64(8 * index) }
        return value
    }

    /// ULEB128 of at most ten bytes.
    mutating func varint() throws -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let next = try byte()
            result |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return result }
        }
        throw corrupt("a variable-length integer longer than ten bytes")
    }

    mutating func zigzag() throws -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: (raw >> 1) ^ (0 &- (raw & 1)))
    }
}
