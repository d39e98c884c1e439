// A parser for the XML of S3's answers (https://www.w3.org/TR/xml/): elements and text. Skips attributes, comments and
// processing instructions. Throws on a DTD, so entities cannot expand. Does not recurse, so depth costs no stack.

import Base

final class XMLElement {
    /// The name without a namespace prefix.
    let name: String
    fileprivate(set) var text = ""
    fileprivate(set) var children: [XMLElement] = []

    fileprivate init(name: String) { self.name = name }

    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }
    func text(_ name: String) -> String? { child(name)?.text }
    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    struct Malformed: Error, Equatable {
        /// The byte offset of the error, from 0.
        var position: Int
        var what: String

        /// - Parameter what: may quote the document; it is cut and kept on one line.
        init(position: Int, what: String) {
            (self.position, self.what) = (position, String(what.prefix(200)).onOneLine)
        }
    }

    static func parse(_ bytes: [UInt8]) throws(Malformed) -> XMLElement {
        var parser = XMLParser(bytes)
        return try parser.run()
    }
}

private struct XMLParser {
    private let bytes: [UInt8]
    private var position = 0
    private var open: [XMLElement] = []
    private var root: XMLElement?

    private static let maximumDepth = 64

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func run() throws(XMLElement.Malformed) -> XMLElement {
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "<") { try markup() } else { try characters() }
        }
        guard open.isEmpty, let root else { throw malformed("the document ends early") }
        return root
    }

    private mutating func markup() throws(XMLElement.Malformed) {
        if starts(with: "<!--") { return position = try end(of: "-->", from: position + 4) }
        if starts(with: "<![CDATA[") {
            let start = position + 9
            position = try end(of: "]]>", from: start)
            open.last?.text += String(decoding: bytes[start..<position - 3], as: UTF8.self)
            return
        }
        if starts(with: "<?") { return position = try end(of: "?>", from: position + 2) }
        if starts(with: "<!") { throw malformed("a DTD is not accepted") }
        if starts(with: "</") { return try closeTag() }
        try openTag()
    }

    private mutating func openTag() throws(XMLElement.Malformed) {
        let end = try tagEnd()
        let isEmpty = bytes[end - 1] == UInt8(ascii: "/")
        let element = XMLElement(name: try name(from: position + 1, to: isEmpty ? end - 1 : end))
        if let parent = open.last {
            parent.children.append(element)
        } else if root == nil {
            root = element
        } else {
            throw malformed("there is a second root")
        }
        if !isEmpty { open.append(element) }
        if open.count > Self.maximumDepth { throw malformed("the nesting is too deep") }
        position = end + 1
    }

    private mutating func closeTag() throws(XMLElement.Malformed) {
        let end = try tagEnd()
        let name = try name(from: position + 2, to: end)
        guard let element = open.popLast(), element.name == name else { throw malformed("</\(name)> closes nothing") }
        position = end + 1
    }

    /// The position of the `>` that ends the current tag, ignoring those inside quotes.
    private func tagEnd() throws(XMLElement.Malformed) -> Int {
        var quote: UInt8?
        var index = position + 1
        while index < bytes.count {
            let byte = bytes[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return index
            }
            index += 1
        }
        throw malformed("a tag does not end")
    }

    private func name(from start: Int, to end: Int) throws(XMLElement.Malformed) -> String {
        guard start < end else { throw malformed("a tag has no name") }
        let name = bytes[start..<end].prefix { $0 > 0x20 && $0 != UInt8(ascii: "/") }
        let local = name.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: true).last
        guard let local else { throw malformed("a tag has no name") }
        return String(decoding: local, as: UTF8.self)
    }

    private mutating func characters() throws(XMLElement.Malformed) {
        var text: [UInt8] = []
        while position < bytes.count, bytes[position] != UInt8(ascii: "<") {
            if bytes[position] == UInt8(ascii: "&") {
                text += try reference()
            } else {
                text.append(bytes[position])
                position += 1
            }
        }
        open.last?.text += String(decoding: text, as: UTF8.self)
    }

    private mutating func reference() throws(XMLElement.Malformed) -> [UInt8] {
        guard let end = bytes[position...].prefix(16).firstIndex(of: UInt8(ascii: ";")) else {
            throw malformed("a reference does not end")
        }
        let name = String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
        guard let scalar = scalar(name) else { throw malformed("&\(name); is unknown") }
        position = end + 1
        return Array(String(Character(scalar)).utf8)
    }

    private func scalar(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            if name.hasPrefix("#x") { return UInt32(name.dropFirst(2), radix: 16).flatMap { Unicode.Scalar($0) } }
            return name.hasPrefix("#") ? UInt32(name.dropFirst()).flatMap { Unicode.Scalar($0) } : nil
        }
    }

    private func starts(with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard bytes.count - position >= length else { return false }
        for offset in 0..<length where bytes[position + offset] != text.utf8Start[offset] { return false }
        return true
    }

    /// The position after the next `terminator`.
    private func end(of terminator: StaticString, from start: Int) throws(XMLElement.Malformed) -> Int {
        let length = terminator.utf8CodeUnitCount
        var index = start
        while index + length <= bytes.count {
            var matches = true
            for offset in 0..<length where bytes[index + offset] != terminator.utf8Start[offset] { matches = false }
            if matches { return index + length }
            index += 1
        }
        throw malformed("a comment, section or instruction does not end")
    }

    private func malformed(_ what: String) -> XMLElement.Malformed {
        XMLElement.Malformed(position: position, what: what)
    }
}

enum XMLText {
    /// The text as XML content; nil when XML 1.0 cannot carry it. Writes line breaks as references, because parsers
    /// normalise literal ones.
    static func escape(_ text: String) -> String? {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\t", "\n", "\r": escaped += "&#\(scalar.value);"
            default:
                if scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF { return nil }
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
