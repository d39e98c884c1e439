// A growing byte buffer that is cleared and used again, for page bodies. It always keeps `slack` bytes of room behind
// what was reserved, so that packers may store whole 64-bit words.

final class OutputBuffer {
    private static let slack = 16
    private(set) var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 4096) {
        self.capacity = capacity
        base = .allocate(capacity: capacity + Self.slack)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    func clear() { count = 0 }

    /// Drops the bytes from `count` on.
    func cut(to count: Int) { self.count = min(count, self.count) }

    /// Makes room for `extra` bytes and returns where they go; `advance` then counts those that were written.
    func reserve(_ extra: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity - count < extra { grow(count + extra) }
        return base + count
    }

    func advance(_ written: Int) { count += written }

    func append(_ byte: UInt8) {
        reserve(1).pointee = byte
        count += 1
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        UnsafeMutableRawPointer(reserve(bytes.count)).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    func appendLittleEndian(_ value: UInt32) {
        UnsafeMutableRawPointer(reserve(4)).storeBytes(of: value.littleEndian, as: UInt32.self)
        count += 4
    }

    /// ULEB128.
    func appendVarint(_ value: UInt64) {
        let target = reserve(10)
        var rest = value
        var length = 0
        while rest >= 0x80 {
            target[length] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            length += 1
        }
        target[length] = UInt8(rest)
        count += length + 1
    }

    func appendZigzag(_ value: Int64) { appendVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

    private func grow(_ needed: Int) {
        let larger = max(needed, capacity * 2)
        let target = UnsafeMutablePointer<UInt8>.allocate(capacity: larger + Self.slack)
        target.update(from: base, count: count)
        base.deallocate()
        base = target
        capacity = larger
    }
}
