// JSON (https://www.rfc-editor.org/rfc/rfc8259): integers as numbers with all digits, reals with the digits that read
// back as the same number, text as UTF-8, blobs as base64, NULL as null.

import SQLite

/// One array of objects, or one object per line.
struct JSONRenderer: ResultRenderer {
    private let isArray: Bool
    private var keys: [String] = []
    private var isFirst = true

    init(isArray: Bool) { self.isArray = isArray }

    mutating func begin(_ columns: [String], to output: Output) {
        keys = Self.uniqueNames(columns).map { Self.string($0) + ":" }
        if isArray { output.write("[") }
    }

    mutating func row(_ values: [Value], to output: Output) {
        if isArray && !isFirst { output.write(",\n") }
        isFirst = false
        output.write("{")
        for (index, (key, value)) in zip(keys, values).enumerated() {
            if index > 0 { output.write(",") }
            output.write(key)
            output.write(Self.json(value))
        }
        output.write(isArray ? "}" : "}\n")
    }

    func end(to output: Output) {
        if isArray { output.write("]\n") }
    }

    /// Appends a number to a repeated column name: readers of JSON keep only one of two equal keys.
    static func uniqueNames(_ columns: [String]) -> [String] {
        var seen = Set<String>()
        return columns.map { name in
            var (unique, number) = (name, 1)
            while !seen.insert(unique).inserted {
                number += 1
                unique = "\(name)_\(number)"
            }
            return unique
        }
    }

    static func json(_ value: Value) -> String {
        switch value {
        case .null: "null"
        case .integer(let value): String(value)
        // JSON has no infinity; this number reads back as infinity.
        case .real(let value): value.isInfinite ? (value < 0 ? "-1e999" : "1e999") : value.description
        case .text(let value): string(value)
        case .blob(let bytes): "\"" + Base64.encode(bytes) + "\""
        }
    }

    static func string(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F && $0 != 0xC2 }
        if isPlain { return "\"" + text + "\"" }
        var bytes: [UInt8] = [0x22]
        var hasLead = false
        for byte in text.utf8 {
            // Terminals obey U+0080 to U+009F, which are C2 80 to C2 9F in UTF-8.
            if hasLead { byte < 0xA0 ? escape(byte, to: &bytes) : bytes.append(contentsOf: [0xC2, byte]) }
            if !hasLead, byte != 0xC2 { append(byte, to: &bytes) }
            hasLead = !hasLead && byte == 0xC2
        }
        bytes.append(0x22)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func escape(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes += ((byte < 16 ? "\\u000" : "\\u00") + String(byte, radix: 16)).utf8
    }

    private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case 0x22, 0x5C: bytes += [0x5C, byte]
        case 0x08: bytes += "\\b".utf8
        case 0x09: bytes += "\\t".utf8
        case 0x0A: bytes += "\\n".utf8
        case 0x0C: bytes += "\\f".utf8
        case 0x0D: bytes += "\\r".utf8
        case 0..<0x20, 0x7F: escape(byte, to: &bytes)
        default: bytes.append(byte)
        }
    }
}

/// Base64 with padding (RFC 4648, section 4).
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = (0..<3).map { start + $0 < bytes.count ? UInt32(bytes[start + $0]) : 0 }
            let bits = group[0] << 16 | group[1] << 8 | group[2]
            let digits = [18, 12, 6, 0].map { alphabet[Int(bits >> $0 & 63)] }
            let used = min(3, bytes.count - start) + 1
            result += digits.prefix(used) + Array(repeating: UInt8(ascii: "="), count: 4 - used)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
