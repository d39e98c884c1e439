// What an event is according to Foundation alone: the whole document is materialised by JSONSerialization, then the rules
// for the four fields are applied to its values. Shares nothing with the product's parser.
//
// Foundation departs from RFC 8259, and from what the contract asks, in the ways listed in `Exemption`. Each is found here
// by its own look at the bytes, and counted.

import Foundation
import Testing

@testable import Ingest

/// Where Foundation is not followed.
enum Exemption: String, CaseIterable {
    /// JSONSerialization passes over a comma before a closing bracket; RFC 8259 has none there. Refused.
    case trailingComma
    /// JSONSerialization takes UTF-16, UTF-32 and byte order marks; messages are UTF-8 without a mark (RFC 8259, 8.1). A
    /// message that is not UTF-8, starts with a mark or holds a NUL byte (which no JSON in UTF-8 can) is refused.
    case encoding
    /// JSONSerialization refuses the whole document for a number beyond a Double, and reads one too small as 0; the
    /// grammar has no such bounds. It is shown 1e290 or 1e-290 instead, which mean the same to every rule.
    case hugeExponent
    /// A field's number comes as a Double or as a Decimal of 38 digits, either of which may have been rounded to another
    /// number. Only whether the rest agrees is compared.
    case roundedNumber
}

/// What Foundation reads, as far as it can be compared.
enum FoundationVerdict: Equatable {
    case event(ParsedEvent)
    /// Not JSON, or JSON of another kind than an object.
    case noObject
    case rejected(Rejection)
    /// Nothing can be said.
    case exempt
}

struct FoundationReading {
    /// The exemptions met.
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
        if let value = fields["user_id"], !(value is NSNull) {
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

    /// An integer, a number with integral value, or a string of digits.
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
        // More digits than a Double surely keeps: what Foundation holds may be another number.
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

/// A look at a document's bytes outside its strings.
struct OutsideStrings {
    private let bytes: [UInt8]
    /// A comma is followed by a closing bracket.
    private(set) var hasTrailingComma = false
    /// A number was replaced.
    private(set) var tamed = false
    /// The most digits that a number has before its exponent, leading and trailing zeros included.
    private(set) var longestMantissa = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The document with numbers that no Double can hold replaced by ones that a Double can.
    mutating func withTameNumbers() -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        var afterComma = false
        while index < bytes.count {
            let byte = bytes[index]
            let start = index
            if byte == UInt8(ascii: "\"") {
                index = endOfString(from: index)
                result += bytes[start..<index]
            } else if byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) {
                while index < bytes.count, Self.isNumberByte(bytes[index]) { index += 1 }
                result += tame(Array(bytes[start..<index]))
            } else {
                if afterComma, byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") { hasTrailingComma = true }
                index += 1
                result.append(byte)
                if [0x20, 0x0A, 0x0D, 0x09].contains(byte) { continue }
                afterComma = byte == UInt8(ascii: ",")
                continue
            }
            afterComma = false
        }
        return result
    }

    private func endOfString(from start: Int) -> Int {
        var index = start + 1
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\"") { return index + 1 }
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return bytes.count
    }

    private static func isNumberByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): true
        default: false
        }
    }

    private mutating func tame(_ token: [UInt8]) -> [UInt8] {
        let text = token.drop { $0 == UInt8(ascii: "-") }
        let mantissa = text.prefix { $0 | 0x20 != UInt8(ascii: "e") }
        let digits = mantissa.filter { $0 != UInt8(ascii: ".") }
        longestMantissa = max(longestMantissa, digits.count)
        guard token.count > 4, let number = Self.parts(token) else { return token }
        // The place of the first digit that is not zero, counted from the point.
        let nonZero = number.digits.firstIndex { $0 != 0x30 }
        guard let nonZero else {
            tamed = tamed || abs(number.exponent) > 290
            return abs(number.exponent) > 290 ? [0x30] : token
        }
        let magnitude = number.wholeDigits - nonZero + number.exponent
        guard abs(magnitude) > 290 else { return token }
        tamed = true
        return Array((token.first == UInt8(ascii: "-") ? "-" : "").utf8) + Array(magnitude > 0 ? "1e290".utf8 : "1e-290".utf8)
    }

    /// A number of RFC 8259's grammar in parts; nil for anything else.
    private static func parts(_ token: [UInt8]) -> (digits: [UInt8], wholeDigits: Int, exponent: Int)? {
        let text = String(decoding: token, as: UTF8.self)
        guard let match = text.wholeMatch(of: #/-?(0|[1-9][0-9]*)(\.([0-9]+))?([eE]([+-]?)([0-9]+))?/#) else { return nil }
        let exponent = min(match.6.flatMap { $0.count > 9 ? 999_999_999 : Int($0) } ?? 0, 999_999_999)
        return (
            Array(match.1.utf8) + Array((match.3 ?? "").utf8), match.1.utf8.count, match.5 == "-" ? -exponent : exponent
        )
    }
}
