// Avro's binary encoding (https://avro.apache.org/docs/1.11.1/specification/#binary-encoding). A value that does not
// fit its schema throws an `AvroError` that names the path to it; the encoder never converts values.

/// Appends values in Avro's binary encoding.
struct BinaryEncoder {
    private(set) var bytes: [UInt8] = []
    private var path: [String] = []

    mutating func append(_ value: AvroValue, _ schema: AvroSchema) throws(AvroError) {
        switch schema {
        case .primitive(let primitive, _): try appendPrimitive(value, primitive)
        case .fixed(_, let size, _):
            guard case .bytes(let content) = value, content.count == size else { throw mismatch(value, schema) }
            bytes += content
        case .enumeration(_, let symbols, _):
            guard case .string(let text) = value, let index = symbols.firstIndex(of: text) else {
                throw mismatch(value, schema)
            }
            appendLong(Int64(index))
        case .record(let record): try appendRecord(value, record)
        case .array(let element, _):
            try appendBlocks(value, schema) { encoder, item throws(AvroError) in try encoder.append(item, element) }
        case .map(let element, _):
            try appendBlocks(value, schema) { encoder, item throws(AvroError) in
                guard let entry = item.record, entry.count == 2 else { throw encoder.mismatch(item, schema) }
                try encoder.append(entry[0], .string)
                try encoder.append(entry[1], element)
            }
        case .union(let branches): try appendUnion(value, branches)
        }
    }

    private mutating func appendPrimitive(
        _ value: AvroValue, _ primitive: AvroSchema.Primitive
    ) throws(AvroError) {
        switch (primitive, value) {
        case (.null, .null): break
        case (.boolean, .boolean(let flag)): bytes.append(flag ? 1 : 0)
        case (.int, .integer(let number)) where Int32(exactly: number) != nil: appendLong(number)
        case (.long, .integer(let number)): appendLong(number)
        case (.float, .float(let number)): withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 }
        case (.double, .double(let number)): withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 }
        case (.bytes, .bytes(let content)):
            appendLong(Int64(content.count))
            bytes += content
        case (.string, .string(let text)):
            appendLong(Int64(text.utf8.count))
            bytes += text.utf8
        default: throw mismatch(value, .primitive(primitive))
        }
    }

    private mutating func appendRecord(_ value: AvroValue, _ record: AvroSchema.Record) throws(AvroError) {
        guard case .record(let values) = value, values.count == record.fields.count else {
            throw mismatch(value, .record(record))
        }
        for (field, value) in zip(record.fields, values) {
            path.append(field.name)
            try append(value, field.schema)
            path.removeLast()
        }
    }

    private mutating func appendBlocks(
        _ value: AvroValue, _ schema: AvroSchema,
        _ item: (inout BinaryEncoder, AvroValue) throws(AvroError) -> Void
    ) throws(AvroError) {
        guard case .array(let items) = value else { throw mismatch(value, schema) }
        if !items.isEmpty {
            appendLong(Int64(items.count))
            for element in items { try item(&self, element) }
        }
        appendLong(0)
    }

    private mutating func appendUnion(_ value: AvroValue, _ branches: [AvroSchema]) throws(AvroError) {
        guard let index = branches.firstIndex(where: { $0.accepts(value) }) else {
            throw mismatch(value, .union(branches))
        }
        appendLong(Int64(index))
        try append(value, branches[index])
    }

    /// Appends a zig-zag variable-length integer: seven bits per byte, least significant first.
    mutating func appendLong(_ number: Int64) {
        var rest = UInt64(bitPattern: (number << 1) ^ (number >> 63))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private func mismatch(_ value: AvroValue, _ schema: AvroSchema) -> AvroError {
        let place = path.isEmpty ? "" : "\(path.joined(separator: ".")): "
        return AvroError("\(place)\(value.label) is not a value of \(schema.label)")
    }
}

extension AvroSchema {
    /// Whether a union uses this branch for `value`. The value's shape decides; encoding checks its content.
    fileprivate func accepts(_ value: AvroValue) -> Bool {
        switch (self, value) {
        case (.primitive(.null, _), .null), (.primitive(.boolean, _), .boolean), (.primitive(.long, _), .integer),
            (.primitive(.float, _), .float), (.primitive(.double, _), .double), (.primitive(.bytes, _), .bytes),
            (.primitive(.string, _), .string), (.array, .array), (.map, .array):
            true
        case (.primitive(.int, _), .integer(let number)): Int32(exactly: number) != nil
        case (.fixed(_, let size, _), .bytes(let content)): content.count == size
        case (.enumeration(_, let symbols, _), .string(let text)): symbols.contains(text)
        case (.record(let record), .record(let values)): record.fields.count == values.count
        default: false
        }
    }
}
