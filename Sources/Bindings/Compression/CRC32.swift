// CRC-32 as zlib, gzip, PNG, Avro, Puffin and Parquet use it (polynomial 0x04C11DB7, reflected).
import CZlib

/// CRC-32 checksums (ISO 3309, the checksum of gzip).
package enum CRC32 {
    /// The checksum of `bytes`. `previous` is the checksum of the bytes before them, so that
    /// `checksum(b, previous: checksum(a)) == checksum(a + b)`; 0 for none.
    package static func checksum(_ bytes: UnsafeRawBufferPointer, previous: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return previous }
        return UInt32(
            truncatingIfNeeded: crc32_z(UInt(previous), base.assumingMemoryBound(to: UInt8.self), bytes.count))
    }

    /// The checksum of `bytes`; see the other form for `previous`.
    package static func checksum(_ bytes: [UInt8], previous: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { checksum($0, previous: previous) }
    }
}
