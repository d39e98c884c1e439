// Cuts SQL into tokens, for splitting, completion and error positions. It has no grammar and accepts every byte
// sequence.
// Invariant: the tokens are contiguous, cover the whole text, and are not empty.

/// One token of SQL.
struct SQLToken: Equatable {
    enum Kind: Equatable {
        case space, comment, string, quotedName, word, semicolon, other
    }

    var kind: Kind
    /// The token's place in the text, in bytes.
    var range: Range<Int>
    /// The text ended before the token's closing quote or `*/`.
    var isOpen = false
}

/// The tokens of a text, in order.
struct SQLTokens: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> SQLToken? {
        guard position < bytes.count else { return nil }
        let start = position
        let (kind, isClosed) = scan(bytes[position])
        precondition(start < position && position <= bytes.count, "a token is not empty and within the text")
        return SQLToken(kind: kind, range: start..<position, isOpen: !isClosed)
    }

    private mutating func scan(_ byte: UInt8) -> (SQLToken.Kind, Bool) {
        switch byte {
        case UInt8(ascii: " "), 0x09...0x0D: return (.space, skip { $0 == 0x20 || (0x09...0x0D).contains($0) })
        case UInt8(ascii: "'"): return (.string, skip(past: byte))
        case UInt8(ascii: "\""), UInt8(ascii: "`"): return (.quotedName, skip(past: byte))
        case UInt8(ascii: "["): return (.quotedName, skip(past: UInt8(ascii: "]")))
        case UInt8(ascii: "-") where peek(1) == byte: return (.comment, skip { $0 != 0x0A })
        case UInt8(ascii: "/") where peek(1) == UInt8(ascii: "*"): return (.comment, skipBlockComment())
        case _ where SQLWords.isWordByte(byte): return (.word, skip(while: SQLWords.isWordByte))
        default:
            position += 1
            return (byte == UInt8(ascii: ";") ? .semicolon : .other, true)
        }
    }

    private func peek(_ distance: Int) -> UInt8? {
        position + distance < bytes.count ? bytes[position + distance] : nil
    }

    private mutating func skip(while belongs: (UInt8) -> Bool) -> Bool {
        while position < bytes.count, belongs(bytes[position]) { position += 1 }
        return true
    }

    /// A doubled quote is part of the token, except after `[`.
    private mutating func skip(past quote: UInt8) -> Bool {
        position += 1
        while position < bytes.count {
            position += 1
            guard bytes[position - 1] == quote else { continue }
            if quote == UInt8(ascii: "]") || peek(0) != quote { return true }
            position += 1
        }
        return false
    }

    private mutating func skipBlockComment() -> Bool {
        position += 2
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
                position += 2
                return true
            }
            position += 1
        }
        return false
    }
}
