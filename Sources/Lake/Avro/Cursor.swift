// Reads Avro's primitive encodings (https://avro.apache.org/docs/1.11.1/specification/#binary-encoding) from untrusted
// bytes. Every read checks its length first and throws an `AvroFault` with the position.
// Invariant: the position stays within the buffer.

/// A read position in a buffer.
struct Cursor {
    let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    /// Number of values that decoding may still produce. Nulls and empty records take no bytes, so the size of the
    /// buffer alone does not bound them.
    private var valuesLeft: Int
    private let extraValues: Int

    /// Allowance of a file beyond twice the number of its bytes, for fields that the writer's schema lacks.
    static let extraValues = 1 << 20

    /// - Parameter extraValues: the rest of the allowance that earlier blocks of the file left.
    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0, extraValues: Int = Self.extraValues) {
        precondition(position >= 0 && position <= bytes.count, "the position is within the buffer")
        self.bytes = bytes
        self.position = position
        self.extraValues = extraValues
        valuesLeft = 2 * bytes.count + extraValues
    }

    /// The allowance that is left for the blocks that follow.
    var extraValuesLeft: Int { min(extraValues, valuesLeft) }

    /// Counts values against the allowance before they are allocated.
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

    /// Reads a length and that many bytes.
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
