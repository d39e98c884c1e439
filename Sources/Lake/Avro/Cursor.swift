// Reads Avro's primitive encodings from bytes. Invariant: nothing is read past the end, and every length is
// checked before it is used; a fault carries the position.

/// A place in a buffer.
struct Cursor {
    let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    /// How many values may still be made. Values can take no bytes at all (nulls, empty records), so bytes alone do not
    /// bound them.
    private var valuesLeft: Int
    private let extraValues: Int

    /// Values of a file beyond twice its bytes that a reader may ask for: those of fields that the writer did not have.
    static let extraValues = 1 << 20

    /// - Parameter extraValues: what earlier blocks of the file left.
    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0, extraValues: Int = Self.extraValues) {
        self.bytes = bytes
        self.position = position
        self.extraValues = extraValues
        valuesLeft = 2 * bytes.count + extraValues
    }

    /// What is left for the blocks that follow.
    var extraValuesLeft: Int { min(extraValues, valuesLeft) }

    /// Takes room for values before they are made.
    mutating func charge(_ values: Int) throws(AvroFault) {
        guard values <= valuesLeft else { throw fault("more values than its bytes can mean") }
        valuesLeft -= values
    }

    var left: Int { bytes.count - position }

    func fault(_ reason: String) -> AvroFault { AvroFault(reason: reason, position: position) }

    mutating func byte() throws(AvroFault) -> UInt8 {
        guard position < bytes.count else { throw fault("the data ends early") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func long() throws(AvroFault) -> Int64 {
        let start = position
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 63 || next <= 1 else {
                throw AvroFault(reason: "a number of more than 64 bits", position: start)
            }
            result |= UInt64(next & 0x7F) << shift
            if next < 0x80 { break }
            shift += 7
        }
        return Int64(bitPattern: result >> 1) ^ -Int64(bitPattern: result & 1)
    }

    mutating func int() throws(AvroFault) -> Int64 {
        let start = position
        let number = try long()
        guard Int32(exactly: number) != nil else {
            throw AvroFault(reason: "\(number) does not fit 32 bits", position: start)
        }
        return number
    }

    mutating func boolean() throws(AvroFault) -> Bool {
        let start = position
        switch try byte() {
        case 0: return false
        case 1: return true
        case let other: throw AvroFault(reason: "\(other) is not a boolean", position: start)
        }
    }

    mutating func float() throws(AvroFault) -> Float {
        let slice = try raw(4)
        return Float(bitPattern: UInt32(littleEndian: slice.loadUnaligned(as: UInt32.self)))
    }

    mutating func double() throws(AvroFault) -> Double {
        let slice = try raw(8)
        return Double(bitPattern: UInt64(littleEndian: slice.loadUnaligned(as: UInt64.self)))
    }

    /// A length and as many bytes.
    mutating func counted() throws(AvroFault) -> UnsafeRawBufferPointer {
        let start = position
        let length = try long()
        guard length >= 0, length <= Int64(left) else {
            throw AvroFault(reason: "a length of \(length) with \(left) bytes left", position: start)
        }
        return try raw(Int(length))
    }

    mutating func string() throws(AvroFault) -> String {
        let start = position
        guard let text = String(validating: try counted(), as: UTF8.self) else {
            throw AvroFault(reason: "text that is not UTF-8", position: start)
        }
        return text
    }

    mutating func raw(_ count: Int) throws(AvroFault) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= left else { throw fault("needs \(count) bytes, \(left) are left") }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }
}
