// A reusable, growing byte buffer for page bodies. It keeps `slack` bytes of room beyond what a writer requests, so
// packers may store whole 64-bit words.
// Invariant: growing moves the bytes. A writable pointer therefore exists only within `append(upTo:)`, whose body must
// not use the buffer.

final class OutputBuffer {
    private static let slack = 16
    private var base: UnsafeMutablePointer<UInt8>
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

    /// Calls `body` to write at most `room` bytes at the end; `body` returns how many it wrote.
    @inline(__always)
    func append(upTo room: Int, _ body: (UnsafeMutablePointer<UInt8>) throws -> Int) rethrows {
        if capacity - count < room { grow(count + room) }
        let start = base
        let written = try body(start + count)
        assert(start == base && written >= 0 && written <= room, "the body used the buffer or wrote too much")
        count += written
    }

    func append(_ byte: UInt8) {
        append(upTo: 1) { target in
            target.pointee = byte
            return 1
        }
    }

    /// Appends bytes, which must not be this buffer's own.
    func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        append(upTo: bytes.count) { target in
            UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: bytes.count)
            return bytes.count
        }
    }

    func appendLittleEndian(_ value: UInt32) {
        append(upTo: 4) { target in
            UnsafeMutableRawPointer(target).storeBytes(of: value.littleEndian, as: UInt32.self)
            return 4
        }
    }

    /// Replaces four existing bytes.
    func overwriteLittleEndian(_ value: UInt32, at index: Int) {
        precondition(index >= 0 && index + 4 <= count)
        UnsafeMutableRawPointer(base + index).storeBytes(of: value.littleEndian, as: UInt32.self)
    }

    /// Replaces an existing byte.
    func overwrite(_ byte: UInt8, at index: Int) {
        precondition(index >= 0 && index < count)
        base[index] = byte
    }

    /// Appends an unsigned LEB128 number.
    func appendVarint(_ value: UInt64) {
        append(upTo: 10) { target in
            var rest = value
            var length = 0
            while rest >= 0x80 {
                target[length] = UInt8(truncatingIfNeeded: rest) | 0x80
                rest >>= 7
                length += 1
            }
            target[length] = UInt8(rest)
            return length + 1
        }
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
