// One CRoaring bitmap of 32-bit values: created in init, freed in deinit, lent to nobody.
// Invariants: the pointer is never nil and never leaves this class. Readers may share an instance between threads; whoever
// changes it holds the only reference (Bitmap64 copies first).
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

    /// Reads the portable form, which `PortableFormat.check` has accepted: CRoaring itself trusts what it reads.
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

    /// Appends the portable form, runs compressed.
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

    /// CRoaring answers nil only when memory is exhausted, which Swift's own allocations do not survive either.
    private static func allocated(
        _ pointer: UnsafeMutablePointer<roaring_bitmap_t>?
    ) -> UnsafeMutablePointer<roaring_bitmap_t> {
        guard let pointer else { preconditionFailure("out of memory for a bitmap") }
        return pointer
    }
}
