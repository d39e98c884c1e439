// Writes an Avro object container file (https://avro.apache.org/docs/1.11.1/specification/#object-container-files)
// into memory:  "Obj" 1, metadata map, 16 bytes sync; then blocks of  count, length, content, sync.
// The caller supplies the sync marker, and metadata is sorted by key, so equal input gives equal bytes. Only `finish`,
// which consumes the writer, returns bytes.

/// Builds a container file with one schema.
package struct AvroWriter {
    static let magic: [UInt8] = [0x4F, 0x62, 0x6A, 0x01]
    static let syncBytes = 16
    private static let reserved = "avro."

    private let schema: AvroSchema
    private let codec: AvroCodec
    private let sync: [UInt8]
    private let blockBytes: Int
    private var output: [UInt8]
    private var block = BinaryEncoder()
    private var blockCount: Int64 = 0
    /// Number of values appended.
    package private(set) var count = 0

    /// Starts a file. Throws `AvroError` for a sync marker that is not 16 bytes long or a reserved metadata key.
    ///
    /// - Parameters:
    ///   - metadata: additional entries; keys that begin with `avro.` are reserved.
    ///   - sync: 16 random bytes that separate the blocks.
    ///   - blockBytes: the writer closes a block when its uncompressed content reaches this size.
    package init(
        schema: AvroSchema, codec: AvroCodec, metadata: [String: [UInt8]] = [:], sync: [UInt8],
        blockBytes: Int = 64 * 1024
    ) throws {
        guard sync.count == Self.syncBytes else { throw AvroError("a sync marker has 16 bytes, not \(sync.count)") }
        if let key = metadata.keys.first(where: { $0.hasPrefix(Self.reserved) }) {
            throw AvroError("the metadata key \(key) is reserved")
        }
        self.schema = schema
        self.codec = codec
        self.sync = sync
        self.blockBytes = blockBytes
        var entries = metadata
        entries["avro.schema"] = try schema.json.text()
        entries["avro.codec"] = [UInt8](codec.rawValue.utf8)
        output = try Self.header(entries, sync)
    }

    private static func header(_ entries: [String: [UInt8]], _ sync: [UInt8]) throws(AvroError) -> [UInt8] {
        var encoder = BinaryEncoder()
        let values = entries.sorted { $0.key < $1.key }.map {
            AvroValue.record([.string($0.key), .bytes($0.value)])
        }
        try encoder.append(.array(values), .map(.bytes))
        return magic + encoder.bytes + sync
    }

    /// Adds a value. Throws `AvroError`, naming the field, when the value does not fit the schema; discard the writer
    /// then.
    package mutating func append(_ value: AvroValue) throws(AvroError) {
        try block.append(value, schema)
        blockCount += 1
        count += 1
        if block.bytes.count >= blockBytes { try closeBlock() }
    }

    /// Approximate size in bytes so far: the header, closed blocks as written, and the open block before compression.
    package var size: Int { output.count + block.bytes.count }

    /// The complete file. Throws `AvroError` when the last block cannot be compressed.
    package consuming func finish() throws(AvroError) -> [UInt8] {
        var this = self
        if this.blockCount > 0 { try this.closeBlock() }
        return this.output
    }

    private mutating func closeBlock() throws(AvroError) {
        let content = try codec.compress(block.bytes)
        var frame = BinaryEncoder()
        frame.appendLong(blockCount)
        frame.appendLong(Int64(content.count))
        output += frame.bytes
        output += content
        output += sync
        block = BinaryEncoder()
        blockCount = 0
    }
}
