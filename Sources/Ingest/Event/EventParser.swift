// Parses an event from a message's bytes, in place.
//
// The scanner first checks the whole message and records the position of each field's last value. The parser then reads
// these values. Therefore the last of duplicate keys wins, and a fault in an unknown field is found. The user's field
// has two names, `user_id` and `userId`; the last of either wins, even if it is null. The usual shapes are parsed
// without allocation: integers, quoted digits, strings with or without escapes. A key with an escape goes to
// Foundation's JSON (`FoundationParser`). A number with a fraction or exponent, in an integer's place, goes to
// `NumberText`.
// Invariants: the event's bytes are in the message or in `scratch`. `scratch` does not move while an event is in use,
// because it has the message's size at least.

import Base

/// Parses events. Used by one thread.
final class EventParser {
    /// Holds strings with their escapes resolved. At least as large as the message.
    private var scratch: UnsafeMutableRawBufferPointer = .allocate(byteCount: 4096, alignment: 1)
    private var scratchUsed = 0

    deinit { scratch.deallocate() }

    /// Parses the event in a message's value.
    /// - Throws: `Fault` with the reason and the byte's position.
    func parse(_ bytes: UnsafeRawBufferPointer) throws(Fault) -> Event {
        var fields = Fields()
        try scan(bytes, into: &fields)
        emptyScratch(messageSize: bytes.count)
        var event = Event()
        event.postcode = try postcode(fields.postcode, in: bytes)
        event.time = try timestamp(fields.timestamp, in: bytes)
        event.userID = try userID(fields.userID, in: bytes)
        event.webpage = try webpage(fields.webpage, in: bytes)
        return event
    }

    // MARK: Scanning

    /// A field's last value.
    struct Field {
        enum Kind { case absent, null, string, escapedString, integer, integerTooLong, other }
        var kind = Kind.absent
        /// The value's bytes, [start, end); of a string without its quotes.
        var start = 0
        var end = 0
        /// The value of an integer.
        var value: Int64 = 0
    }

    /// The fields of one message.
    struct Fields {
        var userID = Field()
        var postcode = Field()
        var webpage = Field()
        var timestamp = Field()
    }

    /// Checks the whole message.
    private func scan(_ bytes: UnsafeRawBufferPointer, into fields: inout Fields) throws(Fault) {
        var scanner = JSONScanner(bytes)
        guard !bytes.isEmpty else { throw Fault(reason: .empty, position: 0) }
        scanner.skipSpace()
        guard scanner.position < bytes.count else { throw Fault(reason: .empty, position: 0) }
        guard bytes[scanner.position] == UInt8(ascii: "{") else { throw try notObject(&scanner) }
        scanner.position += 1
        if try scanner.peek() == UInt8(ascii: "}") {
            scanner.position += 1
        } else {
            try members(&scanner, into: &fields)
        }
        scanner.skipSpace()
        guard scanner.position == bytes.count else { throw scanner.fault(.trailing) }
    }

    /// The fault of a document that is not an object: `notObject` for valid JSON, else the fault of the syntax.
    private func notObject(_ scanner: inout JSONScanner) throws(Fault) -> Fault {
        let start = scanner.position
        try scanner.value()
        return Fault(reason: .notObject, position: start)
    }

    private func members(_ scanner: inout JSONScanner, into fields: inout Fields) throws(Fault) {
        while true {
            guard try scanner.peek() == UInt8(ascii: "\"") else { throw scanner.fault(.syntax) }
            switch try key(&scanner) {
            case .userID:
                try colon(&scanner)
                try integerField(&scanner, &fields.userID)
            case .timestamp:
                try colon(&scanner)
                try integerField(&scanner, &fields.timestamp)
            case .postcode:
                try colon(&scanner)
                try field(&scanner, &fields.postcode)
            case .webpage:
                try colon(&scanner)
                try field(&scanner, &fields.webpage)
            case .unknown:
                try colon(&scanner)
                try scanner.value()
            }
            let next = try scanner.peek()
            guard next == UInt8(ascii: ",") || next == UInt8(ascii: "}") else { throw scanner.fault(.syntax) }
            scanner.position += 1
            if next == UInt8(ascii: "}") { return }
        }
    }

    private enum Key { case userID, postcode, webpage, timestamp, unknown }

    /// The first eight bytes of a text as a word of a little-endian machine.
    @inline(__always)
    private static func word(_ text: StaticString) -> UInt64 {
        UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt64.self)
    }

    /// Passes a key. A known key is recognised by its bytes and its closing quote; one with an escape takes the slow
    /// path.
    @inline(__always)
    private func key(_ scanner: inout JSONScanner) throws(Fault) -> Key {
        let (bytes, start) = (scanner.bytes, scanner.position + 1)
        // A valid message has at least ten bytes after a known key's opening quote: key, quote, colon, value, brace.
        if start + 10 <= bytes.count {
            let first = bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)
            if first == Self.word("user_id\"") {
                scanner.position = start + 8
                return .userID
            } else if first & 0x00FF_FFFF_FFFF_FFFF == Self.word("userId\"\0") {
                scanner.position = start + 7
                return .userID
            } else if first == Self.word("webpage\"") {
                scanner.position = start + 8
                return .webpage
            } else if first == Self.word("postcode"), bytes[start + 8] == UInt8(ascii: "\"") {
                scanner.position = start + 9
                return .postcode
            } else if first == Self.word("timestam"), bytes[start + 8] == UInt8(ascii: "p"),
                bytes[start + 9] == UInt8(ascii: "\"")
            {
                scanner.position = start + 10
                return .timestamp
            }
        }
        let token = try scanner.string()
        return token.hasEscape ? Self.escapedKey(bytes[start - 1...token.end]) : .unknown
    }

    private static func escapedKey(_ token: Slice<UnsafeRawBufferPointer>) -> Key {
        // A known key has at most nine characters of six bytes each and two quotes. Bytes beyond ASCII are never part
        // of one; Foundation would drop a byte order mark.
        guard token.count <= 56, token.allSatisfy({ $0 < 0x80 }) else { return .unknown }
        return switch FoundationParser.string(token) {
        case "user_id", "userId": .userID
        case "postcode": .postcode
        case "webpage": .webpage
        case "timestamp": .timestamp
        default: .unknown
        }
    }

    @inline(__always)
    private func colon(_ scanner: inout JSONScanner) throws(Fault) {
        guard try scanner.peek() == UInt8(ascii: ":") else { throw scanner.fault(.syntax) }
        scanner.position += 1
    }

    @inline(__always)
    private func integerField(_ scanner: inout JSONScanner, _ field: inout Field) throws(Fault) {
        let byte = try scanner.peek()
        if let value = Self.shortInteger(scanner.bytes, from: scanner.position) {
            field = Field(kind: .integer, start: scanner.position, end: value.end, value: value.value)
            scanner.position = value.end
        } else if byte &- 0x30 < 10 || byte == UInt8(ascii: "-") {
            try longNumber(&scanner, &field)
        } else {
            try self.field(&scanner, &field)
        }
    }

    /// One to 18 digits without a leading zero, followed by a comma, brace or space: the usual shape.
    @inline(__always)
    private static func shortInteger(_ bytes: UnsafeRawBufferPointer, from start: Int) -> (value: Int64, end: Int)? {
        var value: Int64 = 0
        var position = start
        let limit = min(bytes.count, start + 18)
        while position < limit, bytes[position] &- 0x30 < 10 {
            value = value &* 10 &+ Int64(bytes[position] &- 0x30)
            position += 1
        }
        guard position > start, position < bytes.count, bytes[start] != 0x30 else { return nil }
        let next = bytes[position]
        guard next == UInt8(ascii: ",") || next == UInt8(ascii: "}") || next == UInt8(ascii: " ") else { return nil }
        return (value, position)
    }

    private func longNumber(_ scanner: inout JSONScanner, _ field: inout Field) throws(Fault) {
        let (start, isInteger) = try scanner.number()
        let text = scanner.bytes[start..<scanner.position]
        let value: NumberText
        if isInteger { value = Self.integer(text).map { .integer($0) } ?? .tooLarge } else { value = NumberText(text) }
        field = Field(kind: .other, start: start, end: scanner.position)
        switch value {
        case .integer(let value): (field.kind, field.value) = (.integer, value)
        case .tooLarge: field.kind = .integerTooLong
        case .fraction: break
        }
    }

    private func field(_ scanner: inout JSONScanner, _ field: inout Field) throws(Fault) {
        let byte = try scanner.peek()
        if byte == UInt8(ascii: "\"") {
            let token = try scanner.string()
            field = Field(kind: token.hasEscape ? .escapedString : .string, start: token.start, end: token.end)
        } else {
            let start = scanner.position
            try scanner.value()
            field = Field(kind: byte == UInt8(ascii: "n") ? .null : .other, start: start, end: scanner.position)
        }
    }

    // MARK: Reading the fields

    private func text(_ field: Field, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let raw = UnsafeRawBufferPointer(rebasing: bytes[field.start..<field.end])
        return field.kind == .escapedString ? unescape(raw) : raw
    }

    private func postcode(_ field: Field, in bytes: UnsafeRawBufferPointer) throws(Fault) -> UnsafeRawBufferPointer {
        switch field.kind {
        case .absent, .null: throw Fault(reason: .missingPostcode, position: field.start)
        case .integer, .integerTooLong, .other: throw Fault(reason: .postcodeType, position: field.start)
        case .string, .escapedString: break
        }
        let text = text(field, in: bytes)
        try Self.checkPostcode(text, position: field.start)
        return text
    }

    /// 1 to 64 bytes without control characters (Unicode category Cc).
    static func checkPostcode(_ text: UnsafeRawBufferPointer, position: Int) throws(Fault) {
        guard (1...64).contains(text.count) else { throw Fault(reason: .postcodeLength, position: position) }
        var previous: UInt8 = 0
        for byte in text {
            let isControl = byte < 0x20 || byte == 0x7F || (previous == 0xC2 && byte < 0xA0)
            if isControl { throw Fault(reason: .postcodeControl, position: position) }
            previous = byte
        }
    }

    private func webpage(_ field: Field, in bytes: UnsafeRawBufferPointer) throws(Fault) -> UnsafeRawBufferPointer? {
        switch field.kind {
        case .absent, .null: return nil
        case .integer, .integerTooLong, .other: throw Fault(reason: .webpageType, position: field.start)
        case .string, .escapedString: return text(field, in: bytes)
        }
    }

    private func timestamp(_ field: Field, in bytes: UnsafeRawBufferPointer) throws(Fault) -> EventTime {
        let value: Int64?
        switch field.kind {
        case .absent, .null: throw Fault(reason: .missingTimestamp, position: field.start)
        case .other: throw Fault(reason: .timestampType, position: field.start)
        case .integer: value = field.value
        case .integerTooLong: value = nil
        case .string, .escapedString:
            let text = text(field, in: bytes)
            guard Self.isDigits(text) else { throw Fault(reason: .timestampType, position: field.start) }
            value = Self.integer(text[...])
        }
        guard let value, let time = EventTime(timestamp: value) else {
            throw Fault(reason: .timestampRange, position: field.start)
        }
        return time
    }

    private func userID(_ field: Field, in bytes: UnsafeRawBufferPointer) throws(Fault) -> Int64? {
        let value: Int64?
        switch field.kind {
        case .absent, .null: return nil
        case .other: throw Fault(reason: .userType, position: field.start)
        case .integer: value = field.value
        case .integerTooLong: value = nil
        case .string, .escapedString:
            let text = text(field, in: bytes)
            guard Self.isDigits(text) else { throw Fault(reason: .userType, position: field.start) }
            value = Self.integer(text[...])
        }
        guard let value else { throw Fault(reason: .userRange, position: field.start) }
        return value
    }

    static func isDigits(_ text: UnsafeRawBufferPointer) -> Bool {
        !text.isEmpty && text.allSatisfy { $0 &- 0x30 < 10 }
    }

    /// The value of an optional minus sign and digits; nil when it does not fit 64 bits.
    static func integer(_ text: Slice<UnsafeRawBufferPointer>) -> Int64? {
        let isNegative = text.first == UInt8(ascii: "-")
        var value: Int64 = 0
        for byte in isNegative ? text.dropFirst() : text {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte &- 0x30)
            let (sum, overflowed) =
                isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            if overflow || overflowed { return nil }
            value = sum
        }
        return value
    }

    // MARK: Escapes

    /// Empties the scratch space and makes it as large as the message. The strings of a message do not overlap, and an
    /// escape is never shorter than its character, so they all fit without moving the space.
    private func emptyScratch(messageSize: Int) {
        scratchUsed = 0
        guard scratch.count < messageSize else { return }
        scratch.deallocate()
        scratch = .allocate(byteCount: messageSize, alignment: 1)
    }

    /// Resolves the escapes of a string that the scanner has checked, into the scratch space.
    private func unescape(_ raw: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = scratchUsed
        var source = JSONScanner(raw)
        while source.position < raw.count {
            let byte = raw[source.position]
            source.position += 1
            if byte == UInt8(ascii: "\\") { append(Self.scalar(&source)) } else { append(byte) }
        }
        return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[start..<scratchUsed])
    }

    private func append(_ byte: UInt8) {
        assert(scratchUsed < scratch.count, "an escape is not shorter than its character")
        scratch[scratchUsed] = byte
        scratchUsed += 1
    }

    private func append(_ scalar: Unicode.Scalar) {
        for byte in Unicode.UTF8.encode(scalar) ?? .init() { append(byte) }
    }

    /// The character of an escape, after its backslash.
    private static func scalar(_ source: inout JSONScanner) -> Unicode.Scalar {
        let kind = source.bytes[source.position]
        source.position += 1
        switch kind {
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return codePoint(&source)
        default: return Unicode.Scalar(kind)
        }
    }

    /// The character of `\u` and its digits; passes a second escape when they are the first half of a surrogate pair.
    private static func codePoint(_ source: inout JSONScanner) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        guard let unit = try? source.hexUnit() else { return replacement }
        guard unit & 0xFC00 == 0xD800 else { return Unicode.Scalar(unit) ?? replacement }
        source.position += 2
        guard let low = try? source.hexUnit() else { return replacement }
        let value = 0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF))
        return Unicode.Scalar(value) ?? replacement
    }
}
