// Reads an Avro object container file from memory and resolves its values to the reader's schema
// (https://avro.apache.org/docs/1.11.1/specification/#object-container-files).
// Every error carries the file's name, and the byte where one is at fault. `Limits` bound memory: beyond them the
// reader throws.
import Compression

/// A container file with its header parsed.
package struct AvroReader: Sendable {
    /// Bounds on a file; both inclusive. The reader throws beyond them.
    package struct Limits: Sendable {
        /// Largest content of one block, in bytes after decompression.
        package var blockBytes = 128 << 20
        /// Largest number of values in a file.
        package var values = 1 << 26

        /// The defaults: blocks of 128 MiB, 2^26 values.
        package init() {}
    }

    /// The file's name, for error messages.
    package let file: String
    /// The schema the file was written with.
    package let schema: AvroSchema
    /// The codec of the file's blocks.
    package let codec: AvroCodec
    /// All metadata entries, including `avro.schema` and `avro.codec`.
    package let metadata: [String: [UInt8]]

    private let bytes: [UInt8]
    private let sync: [UInt8]
    private let firstBlock: Int
    private let limits: Limits

    /// Reads the header. Throws `AvroError` when the bytes are not a container file, or name an unknown codec or an
    /// invalid schema.
    package init(_ bytes: [UInt8], file: String, limits: Limits = Limits()) throws {
        let header = try Self.header(bytes, file)
        self.file = file
        self.bytes = bytes
        self.limits = limits
        metadata = header.entries
        sync = header.sync
        firstBlock = header.end
        let name = header.entries["avro.codec"].map { String(decoding: $0, as: UTF8.self) } ?? "null"
        guard let codec = AvroCodec(rawValue: name) else {
            throw AvroError("the codec '\(name.prefix(40))' is not known", file: file)
        }
        self.codec = codec
        guard let text = header.entries["avro.schema"] else {
            throw AvroError("the header has no avro.schema", file: file)
        }
        do {
            schema = try AvroSchema(json: JSON(parsing: text))
        } catch let error as AvroError {
            throw AvroError("avro.schema: \(error.reason)", file: file, position: 4)
        } catch {
            throw AvroError("avro.schema is not JSON: \(error)", file: file, position: 4)
        }
    }

    /// Calls `body` with each value in file order, resolved to `reader` (nil: the writer's schema).
    ///
    /// Throws `AvroError`, with the file and byte, when the schemas do not resolve or the bytes are corrupt, and what
    /// `body` throws. Values passed to `body` before an error are valid.
    package func forEach(as reader: AvroSchema? = nil, _ body: (AvroValue) throws -> Void) throws {
        let plan: Plan
        do { plan = try Plan(writer: schema, reader: reader ?? schema) } catch {
            throw AvroError(error.reason, file: file)
        }
        var position = firstBlock
        var total = 0
        var extraValues = Cursor.extraValues
        while position < bytes.count {
            let block = try block(at: position)
            guard block.count <= limits.values - total else {
                throw AvroError("more than \(limits.values) values", file: file, position: position)
            }
            total += block.count
            try decode(block, plan, &extraValues, body)
            position = block.end
        }
    }

    /// All values, resolved to `reader` (nil: the writer's schema). Throws like `forEach`.
    package func values(as reader: AvroSchema? = nil) throws -> [AvroValue] {
        var values: [AvroValue] = []
        try forEach(as: reader) { values.append($0) }
        return values
    }
}

extension AvroReader {
    private struct Header {
        let entries: [String: [UInt8]]
        let sync: [UInt8]
        let end: Int
    }

    private struct Block {
        let start: Int
        let count: Int
        let content: Range<Int>
        let end: Int
    }

    private static func header(_ bytes: [UInt8], _ file: String) throws -> Header {
        try bytes.withUnsafeBytes { buffer in
            guard buffer.starts(with: AvroWriter.magic) else {
                throw AvroError("not an Avro container file: wrong magic", file: file, position: 0)
            }
            do {
                var cursor = Cursor(buffer, at: AvroWriter.magic.count)
                let pairs = try Plan(writer: .map(.bytes), reader: .map(.bytes)).decode(&cursor)
                let sync = [UInt8](try cursor.raw(AvroWriter.syncBytes))
                var entries: [String: [UInt8]] = [:]
                for case .record(let pair) in pairs.array ?? [] { entries[pair[0].string ?? ""] = pair[1].bytes }
                return Header(entries: entries, sync: sync, end: cursor.position)
            } catch let fault as AvroFault {
                throw AvroError("header: \(fault.reason)", file: file, position: fault.position)
            }
        }
    }

    /// Reads a block's frame. Checks the sync marker first, which detects a wrong length before the content is decoded.
    private func block(at start: Int) throws(AvroError) -> Block {
        do throws(AvroFault) {
            return try bytes.lend { buffer throws(AvroFault) in
                var cursor = Cursor(buffer, at: start)
                let count = try cursor.long()
                let length = try cursor.long()
                guard count >= 0, count <= Int64(Int32.max), length >= 0, length <= Int64(cursor.left) else {
                    throw AvroFault(reason: "a block of \(count) values in \(length) bytes", position: start)
                }
                let content = cursor.position..<cursor.position + Int(length)
                _ = try cursor.raw(Int(length))
                guard try cursor.raw(AvroWriter.syncBytes).elementsEqual(sync) else {
                    throw AvroFault(reason: "sync marker mismatch", position: content.upperBound)
                }
                return Block(start: start, count: Int(count), content: content, end: cursor.position)
            }
        } catch { throw AvroError(error.reason, file: file, position: error.position) }
    }

    private func decode(
        _ block: Block, _ plan: Plan, _ extraValues: inout Int, _ body: (AvroValue) throws -> Void
    ) throws {
        if codec == .null {
            return try bytes.withUnsafeBytes { buffer in
                let content = UnsafeRawBufferPointer(rebasing: buffer[block.content])
                try decode(content, block, plan, &extraValues, body) {
                    AvroError($0.reason, file: file, position: block.content.lowerBound + $0.position)
                }
            }
        }
        let content = try decompress(block)
        try content.withUnsafeBytes { buffer in
            try decode(buffer, block, plan, &extraValues, body) {
                let place = "byte \($0.position) of the block's \(content.count), decompressed"
                return AvroError("\($0.reason) (\(place))", file: file, position: block.start)
            }
        }
    }

    private func decompress(_ block: Block) throws(AvroError) -> [UInt8] {
        do {
            return try bytes.lend { buffer throws(CompressionError) in
                let content = UnsafeRawBufferPointer(rebasing: buffer[block.content])
                return try codec.decompress(content, limit: limits.blockBytes)
            }
        } catch { throw AvroError("block: \(error)", file: file, position: block.start) }
    }

    private func decode(
        _ content: UnsafeRawBufferPointer, _ block: Block, _ plan: Plan, _ extraValues: inout Int,
        _ body: (AvroValue) throws -> Void, _ error: (AvroFault) -> AvroError
    ) throws {
        var cursor = Cursor(content, extraValues: extraValues)
        defer { extraValues = cursor.extraValuesLeft }
        for _ in 0..<block.count {
            let value: AvroValue
            do {
                try cursor.charge(1)
                value = try plan.decode(&cursor)
            } catch let fault { throw error(fault) }
            try body(value)
        }
        guard cursor.left == 0 else { throw error(cursor.fault("\(cursor.left) bytes after the block's last value")) }
    }
}
