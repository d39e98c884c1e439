// Reads the part of Thrift's compact protocol that Parquet uses (github.com/apache/thrift,
// doc/specs/thrift-compact-protocol.md) from untrusted bytes. A read beyond the bytes left, a list of more elements
// than bytes left, and nesting deeper than 32 throw an error with the position in the file.

/// The wire types of the compact protocol.
enum ThriftType: UInt8 {
    case stop = 0
    case yes = 1
    case no = 2
    case byte = 3
    case i16 = 4
    case i32 = 5
    case i64 = 6
    case double = 7
    case binary = 8
    case list = 9
    case set = 10
    case map = 11
    case structure = 12
    case uuid = 13
}

struct CompactReader {
    private let bytes: UnsafeRawBufferPointer
    private let origin: Int
    private(set) var offset = 0
    private var depth = 0

    /// A reader of `bytes`, whose first byte is at `origin` in the file.
    init(_ bytes: UnsafeRawBufferPointer, origin: Int) {
        self.bytes = bytes
        self.origin = origin
    }

    /// The position in the file of the next byte.
    var position: Int { origin + offset }

    func corrupt(_ reason: String) -> ParquetError { .corrupt(position: position, reason: reason) }

    /// Reads a struct. Calls `body` with each field's id and type; `body` returns whether it read the value.
    mutating func structure(_ body: (inout CompactReader, Int, ThriftType) throws -> Bool) throws {
        try enter()
        defer { depth -= 1 }
        var id = 0
        while true {
            let header = try byte()
            let type = try wireType(header & 0x0F)
            if type == .stop { return }
            let step = Int(header >> 4)
            id = step == 0 ? Int(truncatingIfNeeded: try zigzag()) : id + step
            guard id > 0, id <= Int(Int16.max) else { throw corrupt("field id \(id)") }
            if try !body(&self, id, type) { try skip(type) }
        }
    }

    /// Reads a list or set whose elements have the type `elementType`; `element` reads one.
    mutating func list<Element>(
        _ type: ThriftType, of elementType: ThriftType, _ element: (inout CompactReader) throws -> Element
    ) throws -> [Element] {
        guard type == .list || type == .set else { throw corrupt("a list was expected, not \(type)") }
        let (count, found) = try listHeader()
        guard found == elementType || (elementType == .yes && found == .no) || count == 0 else {
            throw corrupt("a list of \(elementType) was expected, not of \(found)")
        }
        var result: [Element] = []
        // listHeader() checked that each element has at least one byte; a small reserve suffices.
        result.reserveCapacity(min(count, 1024))
        for _ in 0..<count { result.append(try element(&self)) }
        return result
    }

    mutating func bool(_ type: ThriftType) throws -> Bool {
        guard type == .yes || type == .no else { throw corrupt("a boolean was expected, not \(type)") }
        return type == .yes
    }

    /// A boolean in a list: one byte, 1 for true; writers use both 0 and 2 for false.
    mutating func listedBool() throws -> Bool { try byte() == 1 }

    mutating func i8(_ type: ThriftType) throws -> Int8 {
        guard type == .byte else { throw corrupt("an i8 was expected, not \(type)") }
        return Int8(bitPattern: try byte())
    }

    mutating func i32(_ type: ThriftType) throws -> Int32 {
        guard type == .i32 || type == .i16 else { throw corrupt("an i32 was expected, not \(type)") }
        return try listedI32()
    }

    mutating func listedI32() throws -> Int32 {
        guard let value = Int32(exactly: try zigzag()) else { throw corrupt("an i32 out of range") }
        return value
    }

    mutating func i64(_ type: ThriftType) throws -> Int64 {
        guard type == .i64 || type == .i32 else { throw corrupt("an i64 was expected, not \(type)") }
        return try zigzag()
    }

    /// A size, count or offset: an i64 or i32 that must not be negative.
    mutating func natural(_ type: ThriftType) throws -> Int {
        let value = try i64(type)
        guard value >= 0 else { throw corrupt("a negative size or offset, \(value)") }
        return Int(value)
    }

    mutating func binary(_ type: ThriftType) throws -> [UInt8] {
        guard type == .binary else { throw corrupt("a string was expected, not \(type)") }
        return try listedBinary()
    }

    mutating func listedBinary() throws -> [UInt8] {
        let count = try length()
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    mutating func string(_ type: ThriftType) throws -> String { String(decoding: try binary(type), as: UTF8.self) }

    mutating func zigzag() throws -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: (raw >> 1) ^ (0 &- (raw & 1)))
    }

    mutating func skip(_ type: ThriftType) throws {
        switch type {
        case .stop, .yes, .no: break
        case .byte: try advance(1)
        case .i16, .i32, .i64: _ = try varint()
        case .double: try advance(8)
        case .uuid: try advance(16)
        case .binary: try advance(try length())
        case .structure: try structure { _, _, _ in false }
        case .list, .set:
            let (count, element) = try listHeader()
            for _ in 0..<count { try skipElement(element) }
        case .map: try skipMap()
        }
    }

    private mutating func skipElement(_ type: ThriftType) throws {
        try enter()
        defer { depth -= 1 }
        // A boolean takes a byte in a collection, and none in a field.
        if type == .yes || type == .no { try advance(1) } else { try skip(type) }
    }

    private mutating func skipMap() throws {
        let count = try varint()
        guard count > 0 else { return }
        let types = try byte()
        let (key, value) = (try wireType(types >> 4), try wireType(types & 0x0F))
        guard key != .stop, value != .stop, count <= UInt64(bytes.count - offset) else {
            throw corrupt("a map's header")
        }
        for _ in 0..<count {
            try skipElement(key)
            try skipElement(value)
        }
    }

    private mutating func listHeader() throws -> (count: Int, element: ThriftType) {
        let header = try byte()
        let element = try wireType(header & 0x0F)
        guard element != .stop else { throw corrupt("a list without an element type") }
        let short = header >> 4
        let count = short == 15 ? try varint() : UInt64(short)
        guard count <= UInt64(bytes.count - offset) else {
            throw corrupt("a list of \(count) elements in too few bytes")
        }
        return (Int(count), element)
    }

    private mutating func enter() throws {
        depth += 1
        guard depth <= 32 else { throw corrupt("nesting deeper than 32") }
    }

    private func wireType(_ raw: UInt8) throws -> ThriftType {
        guard let type = ThriftType(rawValue: raw) else { throw corrupt("wire type \(raw)") }
        return type
    }

    private mutating func length() throws -> Int {
        let count = try varint()
        guard count <= UInt64(bytes.count - offset) else {
            throw corrupt("a string of \(count) bytes in too few bytes")
        }
        return Int(count)
    }

    private mutating func advance(_ count: Int) throws {
        guard count <= bytes.count - offset else { throw corrupt("the bytes end within a value") }
        offset += count
    }

    private mutating func byte() throws -> UInt8 {
        guard offset < bytes.count else { throw corrupt("the bytes end within a structure") }
        defer { offset += 1 }
        return bytes[offset]
    }

    private mutating func varint() throws -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let next = try byte()
            result |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return result }
        }
        throw corrupt("a variable-length integer longer than ten bytes")
    }
}
