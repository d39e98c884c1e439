// The CRC-32 of zlib, gzip, PNG, Avro, Puffin and Parquet (polynomial 0x04C11DB7, reflected).
import CZlib

/// CRC-32 checksums (ISO 3309, the checksum of gzip).
package enum CRC32 {
    /// The checksum of `bytes`.
    /// - Parameter previous: the checksum of the bytes before them, 0 for none:
    ///   `checksum(b, previous: checksum(a)) == checksum(a + b)`.
    package static func checksum(_ bytes: UnsafeRawBufferPointer, previous: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return previous }
        return UInt32(
            truncatingIfNeeded: crc32_z(UInt(previous), base.assumingMemoryBound(to: UInt8.self), bytes.count))
    }

    /// The checksum of `bytes`; `previous` as in the other form.
    package static func checksum(_ bytes: [UInt8], previous: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { checksum($0, previous: previous) }
    }
}
