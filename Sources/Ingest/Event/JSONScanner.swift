// Checks JSON (RFC 8259) in place, one value at a time, without allocating.
//
// Invariants: `position` is at most the number of bytes. Every function either moves past one whole valid token or
// throws the fault with its position. Nesting is one bit per level in fixed storage, so depth uses no stack.

/// A strict, allocation-free JSON checker over borrowed bytes.
struct JSONScanner {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    /// Maximum nesting depth, including the document's own object. Foundation has the same limit.
    static let depthLimit = 512

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    @inline(__always)
    func fault(_ reason: Rejection, at position: Int? = nil) -> Fault {
        Fault(reason: reason, position: position ?? self.position)
    }

    @inline(__always)
    mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }

    /// The next byte that is not white space, without moving past it.
    @inline(__always)
    mutating func peek() throws(Fault) -> UInt8 {
        assert(position <= bytes.count, "a token ends within the message")
        if position < bytes.count, bytes[position] > 0x20 { return bytes[position] }
        skipSpace()
        guard position < bytes.count else { throw fault(.truncated) }
        return bytes[position]
    }

    /// The bytes of a string between its quotes, [start, end).
    struct StringToken {
        let start: Int
        let end: Int
        let hasEscape: Bool
    }

    /// Passes a string whose opening quote is at `position`.
    mutating func string() throws(Fault) -> StringToken {
        position += 1
        let start = position
        var hasEscape = false
        while true {
            skipPlain()
            guard position < bytes.count else { throw fault(.truncated) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                return StringToken(start: start, end: position - 1, hasEscape: hasEscape)
            } else if byte == UInt8(ascii: "\\") {
                hasEscape = true
                try escape()
            } else if byte < 0x20 {
                throw fault(.controlInString)
            } else {
                try multibyte()
            }
        }
    }

    /// Moves to the next quote, backslash, control character or byte above 0x7F, eight bytes at a time.
    @inline(__always)
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while position + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let quote = word ^ (ones &* 0x22)
            let slash = word ^ (ones &* 0x5C)
            // A matching byte is zero after the XOR, and subtracting one borrows into its high bit.
            let found =
                (((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | ((word &- ones &* 0x20) & ~word) | word)
                & highs
            if found != 0 {
                position += found.trailingZeroBitCount >> 3
                return
            }
            position += 8
        }
        while position < bytes.count {
            let byte = bytes[position]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 || byte >= 0x80 { return }
            position += 1
        }
    }

    /// Passes one UTF-8 sequence of two to four bytes (Unicode, table 3-7).
    private mutating func multibyte() throws(Fault) {
        let lead = bytes[position]
        let (length, low, high): (Int, UInt8, UInt8) =
            switch lead {
            case 0xC2...0xDF: (2, 0x80, 0xBF)
            case 0xE0: (3, 0xA0, 0xBF)
            case 0xED: (3, 0x80, 0x9F)
            case 0xE1...0xEF: (3, 0x80, 0xBF)
            case 0xF0: (4, 0x90, 0xBF)
            case 0xF1...0xF3: (4, 0x80, 0xBF)
            case 0xF4: (4, 0x80, 0x8F)
            default: (0, 0, 0)
            }
        guard length > 0 else { throw fault(.invalidUTF8) }
        guard position + length <= bytes.count else { throw fault(.invalidUTF8) }
        guard bytes[position + 1] >= low, bytes[position + 1] <= high else { throw fault(.invalidUTF8) }
        for offset in 2..<max(length, 2) where bytes[position + offset] & 0xC0 != 0x80 { throw fault(.invalidUTF8) }
        position += length
    }

    private mutating func escape() throws(Fault) {
        let start = position
        guard position + 1 < bytes.count else { throw fault(.truncated, at: bytes.count) }
        position += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return
        case UInt8(ascii: "u"):
            let unit = try hexUnit()
            if unit & 0xFC00 == 0xDC00 { throw fault(.surrogate, at: start) }
            guard unit & 0xFC00 == 0xD800 else { return }
            guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            else { throw fault(.surrogate, at: start) }
            position += 2
            guard try hexUnit() & 0xFC00 == 0xDC00 else { throw fault(.surrogate, at: start) }
        default:
            throw fault(.escape, at: start)
        }
    }

    /// The four hexadecimal digits at `position`.
    mutating func hexUnit() throws(Fault) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard position < bytes.count else { throw fault(.truncated) }
            switch bytes[position] {
            case let byte where byte &- 0x30 < 10: unit = unit << 4 | UInt16(byte - 0x30)
            case let byte where (byte | 0x20) &- 0x61 < 6: unit = unit << 4 | UInt16((byte | 0x20) - 0x57)
            default: throw fault(.escape)
            }
            position += 1
        }
        return unit
    }

    /// Passes a number.
    /// - Returns: its first byte, and whether it has neither a fraction nor an exponent.
    mutating func number() throws(Fault) -> (start: Int, isInteger: Bool) {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        guard position < bytes.count else { throw fault(.truncated) }
        if bytes[position] == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        var isInteger = true
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            try digits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            try digits()
        }
        return (start, isInteger)
    }

    /// Passes one or more digits.
    private mutating func digits() throws(Fault) {
        guard position < bytes.count else { throw fault(.truncated) }
        guard bytes[position] &- 0x30 < 10 else { throw fault(.number) }
        while position < bytes.count, bytes[position] &- 0x30 < 10 { position += 1 }
    }

    /// Passes `true`, `false` or `null`.
    mutating func literal() throws(Fault) {
        let word: StaticString =
            switch bytes[position] {
            case UInt8(ascii: "t"): "true"
            case UInt8(ascii: "f"): "false"
            case UInt8(ascii: "n"): "null"
            default: throw fault(.syntax)
            }
        for offset in 0..<word.utf8CodeUnitCount {
            guard position < bytes.count else { throw fault(.truncated) }
            guard bytes[position] == word.utf8Start[offset] else { throw fault(.syntax) }
            position += 1
        }
    }

    /// Passes a value that is neither an object nor an array.
    @inline(__always)
    mutating func scalar() throws(Fault) {
        switch bytes[position] {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "-"), 0x30...0x39: _ = try number()
        default: try literal()
        }
    }
}
