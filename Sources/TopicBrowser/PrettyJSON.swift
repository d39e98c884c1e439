// Indents JSON text for people, one member per line. Takes any bytes; returns nil when they are not JSON.
//
// Invariants: only white space between tokens changes; the depth is at most 200. A line is indented by two spaces per
// level, so the result has at most 400 bytes of white space per member; callers limit the input.

/// Indents JSON.
package enum PrettyJSON {
    private static let depthLimit = 200

    /// - Returns: the text with one line per member, without a final line break; nil when it is not one JSON value.
    package static func text(_ bytes: [UInt8]) -> [UInt8]? {
        var layout = Layout(bytes)
        guard layout.value(depth: 0) else { return nil }
        layout.skipSpace()
        guard layout.place == bytes.count else { return nil }
        assert(tokens(layout.out) == tokens(bytes), "the layout changed more than white space")
        return layout.out
    }

    private static func tokens(_ bytes: [UInt8]) -> [UInt8] { bytes.filter { $0 > 0x20 } }

    private struct Layout {
        let bytes: [UInt8]
        var place = 0
        var out: [UInt8] = []

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        private var byte: UInt8? { place < bytes.count ? bytes[place] : nil }

        mutating func skipSpace() {
            while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
        }

        private mutating func take(_ wanted: Character) -> Bool {
            guard byte == wanted.asciiValue else { return false }
            place += 1
            return true
        }

        private mutating func line(_ depth: Int) {
            assert(depth <= PrettyJSON.depthLimit, "the nesting is deeper than the limit")
            out.append(0x0A)
            out.append(contentsOf: repeatElement(0x20, count: depth * 2))
        }

        mutating func value(depth: Int) -> Bool {
            skipSpace()
            switch byte {
            case UInt8(ascii: "{"): return depth < PrettyJSON.depthLimit && members("}", depth, isObject: true)
            case UInt8(ascii: "["): return depth < PrettyJSON.depthLimit && members("]", depth, isObject: false)
            case UInt8(ascii: "\""): return string()
            case UInt8(ascii: "t"): return word("true")
            case UInt8(ascii: "f"): return word("false")
            case UInt8(ascii: "n"): return word("null")
            default: return number()
            }
        }

        /// An object or an array, starting at its opening bracket.
        private mutating func members(_ close: Character, _ depth: Int, isObject: Bool) -> Bool {
            out.append(bytes[place])
            place += 1
            skipSpace()
            if take(close) { return append(close) }
            repeat {
                line(depth + 1)
                skipSpace()
                if isObject {
                    guard byte == UInt8(ascii: "\""), string() else { return false }
                    skipSpace()
                    guard take(":") else { return false }
                    out += [UInt8(ascii: ":"), 0x20]
                }
                guard value(depth: depth + 1) else { return false }
                skipSpace()
            } while takeComma()
            guard take(close) else { return false }
            line(depth)
            return append(close)
        }

        private mutating func append(_ character: Character) -> Bool {
            out.append(character.asciiValue ?? 0)
            return true
        }

        private mutating func takeComma() -> Bool { take(",") && append(",") }

        private mutating func string() -> Bool {
            let start = place
            place += 1
            while let byte {
                place += 1
                if byte < 0x20 { return false }
                if byte == UInt8(ascii: "\"") {
                    out += bytes[start..<place]
                    return true
                }
                if byte == UInt8(ascii: "\\"), !escape() { return false }
            }
            return false
        }

        /// The rest of an escape, after the backslash.
        private mutating func escape() -> Bool {
            guard let byte else { return false }
            place += 1
            guard byte == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(byte) }
            guard place + 4 <= bytes.count else { return false }
            defer { place += 4 }
            return bytes[place..<place + 4].allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        }

        private mutating func word(_ word: String) -> Bool {
            guard bytes[place...].starts(with: word.utf8) else { return false }
            place += word.utf8.count
            out += word.utf8
            return true
        }

        private mutating func digits() -> Bool {
            let start = place
            while let byte, (0x30...0x39).contains(byte) { place += 1 }
            return place > start
        }

        private mutating func number() -> Bool {
            let start = place
            _ = take("-")
            guard digits() else { return false }
            if take("."), !digits() { return false }
            if take("e") || take("E") {
                _ = take("+") || take("-")
                guard digits() else { return false }
            }
            out += bytes[start..<place]
            return true
        }
    }
}
