// Reads and writes Puffin files (https://iceberg.apache.org/puffin-spec/):  "PFA1", blobs, footer; the footer is
// "PFA1", JSON, i32 length of the JSON, 4 bytes of flags, "PFA1". Numbers are little-endian.
import Avro
import Compression

/// A blob's entry in the footer of a Puffin file.
package struct PuffinBlob: Sendable, Equatable {
    /// The blob type, such as `deletion-vector-v1`.
    package var type: String
    /// The field ids of the columns it was computed for.
    package var fields: [Int]
    /// The snapshot it was computed from; -1 when inherited.
    package var snapshotID: Int64
    /// The sequence number of that snapshot; -1 when inherited.
    package var sequenceNumber: Int64
    /// The blob's offset in the file, in bytes.
    package var offset: Int64
    /// The blob's length in the file, in bytes.
    package var length: Int64
    /// The codec, `lz4` or `zstd`; nil when not compressed.
    package var compression: String?
    /// Properties defined by the blob type.
    package var properties: [String: String]
}

/// Builds a Puffin file.
package struct PuffinWriter {
    static let magic: [UInt8] = [0x50, 0x46, 0x41, 0x31]

    private var bytes = magic
    /// The blobs added so far.
    package private(set) var blobs: [PuffinBlob] = []

    /// Starts a file.
    package init() {}

    /// Adds an uncompressed blob and returns its entry.
    @discardableResult
    package mutating func append(
        _ content: [UInt8], type: String, fields: [Int], snapshotID: Int64, sequenceNumber: Int64,
        properties: [String: String]
    ) -> PuffinBlob {
        let blob = PuffinBlob(
            type: type, fields: fields, snapshotID: snapshotID, sequenceNumber: sequenceNumber,
            offset: Int64(bytes.count), length: Int64(content.count), compression: nil, properties: properties)
        bytes += content
        blobs.append(blob)
        return blob
    }

    /// The complete file; `createdBy` names the writer.
    package consuming func finish(createdBy: String) throws -> [UInt8] {
        let footer: JSON = .object([
            "blobs": .array(blobs.map(\.json)), "properties": .object(["created-by": .string(createdBy)]),
        ])
        let payload = try footer.text()
        var file = bytes
        file += Self.magic
        file += payload
        withUnsafeBytes(of: Int32(payload.count).littleEndian) { file += $0 }
        file += [0, 0, 0, 0]
        file += Self.magic
        return file
    }
}

/// A Puffin file in memory: its footer, and blobs on demand.
package struct PuffinReader: Sendable {
    private static let tailBytes = 12
    private static let blobLimitBytes = 1 << 30

    /// The blobs in the footer.
    package let blobs: [PuffinBlob]
    /// The file's properties.
    package let properties: [String: String]
    private let bytes: [UInt8]
    private let file: String

    /// Reads the footer. Throws `malformed`, with file and byte, when it is not a Puffin file, and `unsupported` for
    /// unknown flags.
    package init(_ bytes: [UInt8], file: String) throws(IcebergError) {
        self.bytes = bytes
        self.file = file
        let payload = try Self.payload(bytes, file)
        let json: JSON
        do { json = try JSON(parsing: [UInt8](bytes[payload])) } catch {
            throw Self.malformed("the footer is not JSON", file, at: payload.lowerBound)
        }
        do throws(IcebergError) {
            var reader = try FieldReader(json, "footer")
            blobs = try reader.list("blobs") { json, path throws(IcebergError) in try PuffinBlob(json: json, path: path)
            }
            properties = try reader.strings("properties")
        } catch { throw error.within("\(file), byte \(payload.lowerBound)") }
    }

    /// The content of a blob, decompressed. Throws `malformed` when its range is not within the file or the content is
    /// corrupt, and `unsupported` for a codec other than zstd.
    package func content(_ blob: PuffinBlob) throws(IcebergError) -> [UInt8] {
        let slice = try Self.slice(bytes, offset: blob.offset, length: blob.length, file)
        switch blob.compression {
        case nil: return [UInt8](bytes[slice])
        case "zstd":
            do {
                return try bytes.withUnsafeBytes {
                    try Zstd.decompress(UnsafeRawBufferPointer(rebasing: $0[slice]), limit: Self.blobLimitBytes)
                }
            } catch { throw Self.malformed("\(error)", file, at: slice.lowerBound) }
        case let other?: throw IcebergError(.unsupported, "the blob compression '\(other)' is not supported", in: file)
        }
    }

    static func slice(_ bytes: [UInt8], offset: Int64, length: Int64, _ file: String) throws(IcebergError) -> Range<Int>
    {
        guard offset >= 0, length >= 0, offset <= Int64(bytes.count), length <= Int64(bytes.count) - offset else {
            throw malformed("a blob of \(length) bytes at \(offset) is not within \(bytes.count) bytes", file, at: 0)
        }
        return Int(offset)..<Int(offset + length)
    }

    private static func payload(_ bytes: [UInt8], _ file: String) throws(IcebergError) -> Range<Int> {
        let magic = PuffinWriter.magic
        guard bytes.count >= 2 * magic.count + tailBytes, bytes.starts(with: magic) else {
            throw malformed("not a Puffin file: wrong magic at the start", file, at: 0)
        }
        guard bytes.suffix(magic.count) == magic[...] else {
            throw malformed("not a complete Puffin file: wrong magic at the end", file, at: bytes.count - magic.count)
        }
        let tail = bytes.count - tailBytes
        let flags = bytes[tail + 4..<tail + 8]
        guard flags.allSatisfy({ $0 == 0 }) else {
            throw IcebergError(.unsupported, "the footer is compressed or has unknown flags", in: file)
        }
        let length = bytes[tail..<tail + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard Int(length) <= tail - 2 * magic.count else {
            throw malformed("a footer of \(length) bytes does not fit", file, at: tail)
        }
        let start = tail - Int(length)
        guard bytes[start - magic.count..<start] == magic[...] else {
            throw malformed("the footer does not begin with the magic", file, at: start - magic.count)
        }
        return start..<tail
    }

    private static func malformed(_ reason: String, _ file: String, at position: Int) -> IcebergError {
        IcebergError(.malformed, reason, in: "\(file), byte \(position)")
    }
}

extension PuffinBlob {
    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        type = try reader.string("type")
        fields = try reader.ints("fields")
        snapshotID = try reader.long("snapshot-id")
        sequenceNumber = try reader.long("sequence-number")
        offset = try reader.long("offset")
        length = try reader.long("length")
        compression = try reader.optionalString("compression-codec")
        properties = try reader.strings("properties")
    }

    var json: JSON {
        .object(
            [
                "type": .string(type), "fields": .array(fields.map { .int($0) }), "snapshot-id": .integer(snapshotID),
                "sequence-number": .integer(sequenceNumber), "offset": .integer(offset), "length": .integer(length),
                "compression-codec": compression.map { .string($0) }, "properties": .strings(properties),
            ], keeping: [:])
    }
}
