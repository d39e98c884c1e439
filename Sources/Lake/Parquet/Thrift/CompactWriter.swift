// Writes the part of Thrift's compact protocol that Parquet uses (github.com/apache/thrift,
// doc/specs/thrift-compact-protocol.md).
// Invariant: a struct's fields are written in ascending order of their ids.

struct CompactWriter {
    private(set) var bytes: [UInt8] = []
    private var last = 0
    private var outer: [Int] = []

    mutating func bool(_ id: Int, _ value: Bool) { field(id, value ? .yes : .no) }

    mutating func i32(_ id: Int, _ value: Int32) {
        field(id, .i32)
        zigzag(Int64(value))
    }

    mutating func i16(_ id: Int, _ value: Int16) {
        field(id, .i16)
        zigzag(Int64(value))
    }

    mutating func i64(_ id: Int, _ value: Int) {
        field(id, .i64)
        zigzag(Int64(value))
    }

    mutating func binary(_ id: Int, _ value: [UInt8]) {
        field(id, .binary)
        listedBinary(value)
    }

    mutating func string(_ id: Int, _ value: String) { binary(id, Array(value.utf8)) }

    mutating func structure(_ id: Int, _ body: (inout CompactWriter) -> Void) {
        field(id, .structure)
        listedStructure(body)
    }

    /// Writes a struct at the top level or in a list: its fields and the stop byte.
    mutating func listedStructure(_ body: (inout CompactWriter) -> Void) {
        outer.append(last)
        last = 0
        body(&self)
        bytes.append(0)
        last = outer.removeLast()
    }

    mutating func list<Element>(
        _ id: Int, of type: ThriftType, _ elements: [Element], _ write: (inout CompactWriter, Element) -> Void
    ) {
        field(id, .list)
        if elements.count < 15 {
            bytes.append(UInt8(elements.count) << 4 | type.rawValue)
        } else {
            bytes.append(0xF0 | type.rawValue)
            varint(UInt64(elements.count))
        }
        for element in elements { write(&self, element) }
    }

    mutating func listedBool(_ value: Bool) { bytes.append(value ? 1 : 2) }

    mutating func listedBinary(_ value: [UInt8]) {
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func zigzag(_ value: Int64) { varint(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

    private mutating func field(_ id: Int, _ type: ThriftType) {
        let step = id - last
        precondition(step > 0, "fields are written in ascending order of their ids")
        if step < 16 {
            bytes.append(UInt8(step) << 4 | type.rawValue)
        } else {
            bytes.append(type.rawValue)
            zigzag(Int64(id))
        }
        last = id
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
