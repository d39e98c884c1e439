// Reads events with Foundation only: JSONSerialization parses the whole document, then the rules for the four fields
// are applied to its values. It shares no code with the product's parser.
//
// `Exemption` lists how Foundation deviates from RFC 8259 and from the contract. A separate scan of the bytes detects
// and counts each deviation.

import Foundation

@testable import Ingest

/// A deviation of Foundation that the parser does not follow.
enum Exemption: String, CaseIterable {
    /// JSONSerialization accepts a comma before a closing bracket, which RFC 8259 does not. Refused.
    case trailingComma
    /// JSONSerialization accepts UTF-16, UTF-32 and byte order marks. Messages are UTF-8 without a mark (RFC 8259,
    /// 8.1). A message that is not UTF-8, starts with a mark or has a NUL byte, which JSON in UTF-8 never has, is
    /// refused.
    case encoding
    /// JSONSerialization refuses a document with a number beyond a Double, reads a too small number as 0, and ignores
    /// an exponent with many leading zeros. The grammar has no such bounds. It gets 1e290 or 1e-290 instead, which are
    /// equivalent for every rule, and the exponent without its zeros.
    case hugeExponent
    /// JSONSerialization drops U+FEFF at the start of a string and after an escape. The contract keeps strings byte for
    /// byte. It gets the character as an escape, which it keeps.
    case markInString
    /// A field's number is a Double or a Decimal of 38 digits, and either may be rounded. Only the rest is compared.
    case roundedNumber
}

/// Foundation's result, as far as it can be compared.
enum FoundationVerdict: Equatable {
    case event(ParsedEvent)
    /// Not JSON, or not an object.
    case noObject
    case rejected(Rejection)
    /// Not comparable.
    case exempt
}

struct FoundationReading {
    /// Foundation does not tell which of two names came last: if a document has both, the first of these is used.
    var userNames = ["user_id", "userId"]
    /// The exemptions that occurred.
    private(set) var exemptions: Set<Exemption> = []

    private struct Refused: Error { let reason: Rejection }
    private struct Rounded: Error {}

    mutating func read(_ bytes: [UInt8]) -> FoundationVerdict {
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.starts(with: [0xEF, 0xBB, 0xBF]),
            !bytes.contains(0)
        else {
            exemptions.insert(.encoding)
            return .noObject
        }
        var lexer = OutsideStrings(bytes)
        let shown = lexer.withTameNumbers()
        if lexer.hasTrailingComma {
            exemptions.insert(.trailingComma)
            return .noObject
        }
        if lexer.tamed { exemptions.insert(.hugeExponent) }
        if lexer.escapedMark { exemptions.insert(.markInString) }
        guard let object = try? JSONSerialization.jsonObject(with: Data(shown), options: [.fragmentsAllowed]),
            let fields = object as? [String: Any]
        else { return .noObject }
        do {
            return .event(try event(fields, lexer))
        } catch let refused as Refused {
            return .rejected(refused.reason)
        } catch {
            exemptions.insert(.roundedNumber)
            return .exempt
        }
    }

    private func event(_ fields: [String: Any], _ lexer: OutsideStrings) throws -> ParsedEvent {
        let postcode = try postcode(fields["postcode"])
        guard let stamp = fields["timestamp"], !(stamp is NSNull) else { throw Refused(reason: .missingTimestamp) }
        let ticks = try integer(stamp, lexer, type: .timestampType, range: .timestampRange)
        let time: Int64
        switch ticks {
        case 1..<100_000_000_000: time = ticks * 1_000_000
        case 100_000_000_000..<100_000_000_000_000: time = ticks * 1000
        case 100_000_000_000_000..<100_000_000_000_000_000: time = ticks
        default: throw Refused(reason: .timestampRange)
        }
        var user: Int64?
        if let value = fields[userNames[0]] ?? fields[userNames[1]], !(value is NSNull) {
            user = try integer(value, lexer, type: .userType, range: .userRange)
        }
        var webpage: [UInt8]?
        if let value = fields["webpage"], !(value is NSNull) {
            guard let text = value as? String else { throw Refused(reason: .webpageType) }
            webpage = Array(text.utf8)
        }
        return ParsedEvent(postcode: postcode, timeMicroseconds: time, userID: user, webpage: webpage)
    }

    private func postcode(_ value: Any?) throws -> [UInt8] {
        guard let value, !(value is NSNull) else { throw Refused(reason: .missingPostcode) }
        guard let text = value as? String else { throw Refused(reason: .postcodeType) }
        guard (1...64).contains(text.utf8.count) else { throw Refused(reason: .postcodeLength) }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Refused(reason: .postcodeControl)
        }
        return Array(text.utf8)
    }

    /// The value of an integer, a number with an integral value, or a string of digits.
    private func integer(
        _ value: Any, _ lexer: OutsideStrings, type: Rejection, range: Rejection
    ) throws -> Int64 {
        if let text = value as? String {
            let digits = text.unicodeScalars.allSatisfy { ("0"..."9").contains($0) }
            guard !text.isEmpty, digits else { throw Refused(reason: type) }
            guard let value = Int64(text) else { throw Refused(reason: range) }
            return value
        }
        guard let number = value as? NSNumber, String(cString: number.objCType) != "c" else {
            throw Refused(reason: type)
        }
        if !(number is NSDecimalNumber), String(cString: number.objCType) != "d" {
            guard let value = Int64(exactly: number) else { throw Refused(reason: range) }
            return value
        }
        return try integer(decimal: number, lexer, type: type, range: range)
    }

    private func integer(
        decimal number: NSNumber, _ lexer: OutsideStrings, type: Rejection, range: Rejection
    ) throws -> Int64 {
        // More digits than a Double always keeps: Foundation may have another number.
        if lexer.longestMantissa > 15, !(number is NSDecimalNumber) { throw Rounded() }
        if lexer.longestMantissa > 37 { throw Rounded() }
        var value = number.decimalValue
        if !(number is NSDecimalNumber) {
            let double = number.doubleValue
            guard double.rounded() == double else { throw Refused(reason: type) }
            guard abs(double) < 9.3e18 else { throw Refused(reason: range) }
            guard abs(double) < 9_007_199_254_740_992 else { throw Rounded() }
            value = Decimal(Int64(double))
        }
        var whole = Decimal()
        NSDecimalRound(&whole, &value, 0, .plain)
        guard whole == value else { throw Refused(reason: type) }
        guard let value = Int64(whole.description) else { throw Refused(reason: range) }
        return value
    }
}

/// A scan of a document's bytes outside its strings.
struct OutsideStrings {
    private let bytes: [UInt8]
    /// A comma is followed by a closing bracket.
    private(set) var hasTrailingComma = false
    /// A number was replaced.
    private(set) var tamed = false
    /// A byte order mark in a string was replaced.
    private(set) var escapedMark = false
    /// Maximum number of digits of a number before its exponent, including leading and trailing zeros.
    private(set) var longestMantissa = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private static let quote = UInt8(ascii: "\"")

    /// The document that Foundation gets.
    mutating func withTameNumbers() -> [UInt8] {
        var result: [UInt8] = []
        // Start of the bytes that are copied unchanged.
        var copied = 0
        var index = 0
        var afterComma = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte == Self.quote {
                index += 1
                while let mark = skipString(&index) {
                    result += bytes[copied..<mark] + Array(#"\ufeff"#.utf8)
                    copied = index
                    escapedMark = true
                }
                afterComma = false
            } else if byte == 0x2D || byte &- 0x30 < 10 {
                let start = index
                if let tame = number(&index) {
                    result += bytes[copied..<start] + tame
                    copied = index
                    tamed = true
                }
                afterComma = false
            } else {
                if byte == 0x2C {
                    afterComma = true
                } else if byte == 0x7D || byte == 0x5D {
                    if afterComma { hasTrailingComma = true }
                    afterComma = false
                } else if byte != 0x20, byte != 0x0A, byte != 0x0D, byte != 0x09 {
                    afterComma = false
                }
                index += 1
            }
        }
        return copied == 0 ? bytes : result + bytes[copied...]
    }

    /// Passes the rest of a string, or up to a byte order mark.
    /// - Returns: the position of the mark that was passed; nil when the string has ended.
    private func skipString(_ index: inout Int) -> Int? {
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0xEF, index + 2 < bytes.count, bytes[index + 1] == 0xBB, bytes[index + 2] == 0xBF {
                index += 3
                return index - 3
            }
            index += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == Self.quote { return nil }
        }
        index = bytes.count
        return nil
    }

    /// Passes a number.
    /// - Returns: its replacement; nil when Foundation can get it unchanged.
    private mutating func number(_ index: inout Int) -> [UInt8]? {
        let start = index
        var (mantissaDigits, exponentDigits) = (0, 0)
        var hasExponent = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte &- 0x30 < 10 {
                if hasExponent { exponentDigits += 1 } else { mantissaDigits += 1 }
            } else if byte | 0x20 == 0x65 {
                hasExponent = true
            } else if byte != 0x2B, byte != 0x2D, byte != 0x2E {
                break
            }
            index += 1
        }
        longestMantissa = max(longestMantissa, mantissaDigits)
        // Anything smaller is a Double.
        return exponentDigits > 2 || mantissaDigits > 190 ? Self.tame(Array(bytes[start..<index])) : nil
    }

    // swift-format-ignore
    nonisolated(unsafe) private static let grammar = #/(-?)(0|[1-9][0-9]*)(\.([0-9]+))?([eE]([+-]?)([0-9]+))?/#

    private static func tame(_ token: [UInt8]) -> [UInt8]? {
        let text = String(decoding: token, as: UTF8.self)
        guard let match = text.wholeMatch(of: grammar) else { return nil }
        let exponentDigits = (match.7 ?? "0").drop { $0 == "0" }
        let size = exponentDigits.count > 9 ? 999_999_999 : Int(exponentDigits) ?? 0
        let exponent = match.6 == "-" ? -size : size
        // The place of the first nonzero digit, counted from the point.
        let digits = Array(match.2.utf8) + Array((match.4 ?? "").utf8)
        guard let nonZero = digits.firstIndex(where: { $0 != 0x30 }) else {
            return abs(exponent) > 290 ? [0x30] : nil
        }
        let magnitude = match.2.utf8.count - nonZero + exponent
        if abs(magnitude) > 290 { return Array("\(match.1)1e\(magnitude > 0 ? "" : "-")290".utf8) }
        guard let written = match.7, written.count > exponentDigits.count + 1 else { return nil }
        return Array("\(match.1)\(match.2)\(match.3 ?? "")e\(exponent)".utf8)
    }
}
