// Deletion vectors, the blob `deletion-vector-v1`
// (https://iceberg.apache.org/puffin-spec/#deletion-vector-v1-blob-type): u32 length of magic and vector, big-endian;
// magic D1 D3 39 64; the vector, a portable 64-bit Roaring bitmap; u32 CRC-32 of magic and vector, big-endian.
import Bitmaps
import Compression

/// The deleted positions of one data file.
package struct DeletionVector: Sendable, Equatable {
    /// The blob type.
    package static let blobType = "deletion-vector-v1"
    private static let magic: [UInt8] = [0xD1, 0xD3, 0x39, 0x64]

    private var positions: Bitmap64

    /// A vector of positions in 0 ..< 2^63, in any order.
    package init(_ positions: some Sequence<UInt64> = EmptyCollection<UInt64>()) {
        self.positions = Bitmap64(positions)
    }

    /// Number of deleted rows.
    package var count: Int64 { Int64(clamping: positions.count) }

    /// The deleted positions, ascending, each once.
    package var deleted: [UInt64] { positions.values() }

    /// Whether the row at `position` is deleted.
    package func contains(_ position: UInt64) -> Bool { positions.contains(position) }

    /// Marks a row as deleted; returns false when it already was.
    @discardableResult
    package mutating func insert(_ position: UInt64) -> Bool { positions.insert(position) }

    /// Adds the positions of `other`.
    package mutating func merge(_ other: DeletionVector) { positions.formUnion(other.positions) }

    /// The blob's bytes.
    package var blob: [UInt8] {
        let content = Self.magic + positions.portableBytes()
        let length = withUnsafeBytes(of: UInt32(truncatingIfNeeded: content.count).bigEndian) { [UInt8]($0) }
        let checksum = withUnsafeBytes(of: CRC32.checksum(content).bigEndian) { [UInt8]($0) }
        return length + content + checksum
    }

    /// Reads a blob. Throws `malformed`, with the byte from the start of the blob, when its length, magic, checksum or
    /// bitmap is wrong.
    package init(blob bytes: [UInt8], file: String) throws(IcebergError) {
        guard bytes.count >= 12 + 8 else { throw Self.malformed("needs 20 bytes, has \(bytes.count)", file, at: 0) }
        let content = bytes[4..<bytes.count - 4]
        guard Int(Self.bigEndian(bytes[0..<4])) == content.count else {
            throw Self.malformed("its length says \(Self.bigEndian(bytes[0..<4])), not \(content.count)", file, at: 0)
        }
        guard content.starts(with: Self.magic) else { throw Self.malformed("wrong magic", file, at: 4) }
        guard CRC32.checksum([UInt8](content)) == Self.bigEndian(bytes.suffix(4)) else {
            throw Self.malformed("the checksum differs", file, at: bytes.count - 4)
        }
        do {
            positions = try bytes.withUnsafeBytes {
                try Bitmap64(portable: UnsafeRawBufferPointer(rebasing: $0[8..<bytes.count - 4]))
            }
        } catch { throw Self.malformed("\(error)", file, at: 8) }
    }

    private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

    private static func malformed(_ reason: String, _ file: String, at position: Int) -> IcebergError {
        IcebergError(.malformed, reason, in: "deletion vector in \(file), byte \(position) of the blob")
    }
}

extension PuffinWriter {
    /// Adds the deletion vector of a data file.
    package mutating func append(_ vector: DeletionVector, of dataFile: String) -> PuffinBlob {
        append(
            vector.blob, type: DeletionVector.blobType, fields: [ReservedField.rowPosition.id], snapshotID: -1,
            sequenceNumber: -1,
            properties: ["referenced-data-file": dataFile, "cardinality": "\(vector.count)"])
    }
}

extension DeletionVector {
    /// The vector of a manifest entry, from the whole Puffin file. Throws `malformed` when the entry has no place, the
    /// place is outside the file, or the blob is invalid.
    package init(of file: DataFile, puffin bytes: [UInt8]) throws(IcebergError) {
        guard let offset = file.contentOffset, let length = file.contentSizeBytes else {
            throw IcebergError(.malformed, "its manifest entry has no content offset and size", in: file.path)
        }
        let slice = try PuffinReader.slice(bytes, offset: offset, length: length, file.path)
        try self.init(of: file, blob: [UInt8](bytes[slice]))
    }

    /// The vector of a manifest entry, from the bytes at its content offset and size. Throws `malformed` when the blob
    /// is invalid or its number of positions differs from the entry's.
    package init(of file: DataFile, blob: [UInt8]) throws(IcebergError) {
        try self.init(blob: blob, file: file.path)
        guard count == file.recordCount else {
            throw IcebergError(
                .malformed, "the deletion vector has \(count) positions, its manifest says \(file.recordCount)",
                in: file.path)
        }
    }
}
