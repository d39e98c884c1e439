// A CRoaring bitmap of 32-bit values, owned from init to deinit. The pointer is private and not optional.
// Threads may share an instance for reading. A writer must hold the only reference: `Bitmap64` first copies a shared
// one.
import CRoaring

/// The positions that share their upper 32 bits.
final class Bitmap32: @unchecked Sendable {
    private let pointer: UnsafeMutablePointer<roaring_bitmap_t>

    init() {
        pointer = Self.allocated(roaring_bitmap_create())
    }

    private init(owning pointer: UnsafeMutablePointer<roaring_bitmap_t>) {
        self.pointer = pointer
    }

    deinit { roaring_bitmap_free(pointer) }

    /// Reads the portable form. `PortableFormat.check` must have accepted it: CRoaring does not validate its input.
    convenience init?(checked bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
            let pointer = roaring_bitmap_portable_deserialize_safe(start, bytes.count)
        else { return nil }
        self.init(owning: pointer)
    }

    func copy() -> Bitmap32 { Bitmap32(owning: Self.allocated(roaring_bitmap_copy(pointer))) }

    var count: UInt64 { roaring_bitmap_get_cardinality(pointer) }

    func contains(_ value: UInt32) -> Bool { roaring_bitmap_contains(pointer, value) }

    func insert(_ value: UInt32) -> Bool { roaring_bitmap_add_checked(pointer, value) }

    func formUnion(_ other: Bitmap32) { roaring_bitmap_or_inplace(pointer, other.pointer) }

    func intersects(_ other: Bitmap32) -> Bool { roaring_bitmap_intersect(pointer, other.pointer) }

    func equals(_ other: Bitmap32) -> Bool { roaring_bitmap_equals(pointer, other.pointer) }

    /// All values, ascending.
    func values() -> [UInt32] {
        [UInt32](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
            guard let start = buffer.baseAddress else { return }
            roaring_bitmap_to_uint32_array(pointer, start)
            filled = buffer.count
        }
    }

    /// Appends the portable form, with runs compressed.
    func appendPortable(to bytes: inout [UInt8]) {
        let compact = copy()
        roaring_bitmap_run_optimize(compact.pointer)
        let size = roaring_bitmap_portable_size_in_bytes(compact.pointer)
        bytes += [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            guard let start = buffer.baseAddress else { return }
            filled = roaring_bitmap_portable_serialize(
                compact.pointer, UnsafeMutableRawPointer(start).assumingMemoryBound(to: CChar.self))
        }
    }

    /// CRoaring returns nil only when memory is exhausted; Swift's own allocations trap then too.
    private static func allocated(
        _ pointer: UnsafeMutablePointer<roaring_bitmap_t>?
    ) -> UnsafeMutablePointer<roaring_bitmap_t> {
        guard let pointer else { preconditionFailure("out of memory for a bitmap") }
        return pointer
    }
}
