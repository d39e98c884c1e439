// A JSON value as a tree. Avro schemas are JSON, and table formats on Avro keep members they do not know.
// Decoding tries 64-bit integers before doubles, so they keep their value. Encoding sorts keys (`.sortedKeys`), so
// equal values give equal text.
import Foundation

/// A JSON value.
package enum JSON: Sendable, Equatable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number that is integral and fits 64 bits.
    case integer(Int64)
    /// Any other number.
    case double(Double)
    /// Text.
    case string(String)
    /// A list.
    case array([JSON])
    /// An object, without the order of its keys.
    case object([String: JSON])
}

extension JSON {
    /// Parses UTF-8 text. Throws `JSONSyntaxError` with the place of the error.
    package init(parsing bytes: [UInt8]) throws {
        do { self = try JSONDecoder().decode(JSON.self, from: Data(bytes)) } catch let error as JSONSyntaxError {
            throw error
        } catch {
            throw JSONSyntaxError(bytes, error)
        }
    }

    /// The UTF-8 text, on one line or indented.
    package func text(pretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(self))
    }

    /// The member of an object, or nil.
    package subscript(key: String) -> JSON? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// The text of a string, or nil.
    package var string: String? { if case .string(let text) = self { text } else { nil } }

    /// The number when it is integral and fits 64 bits, or nil.
    package var integer: Int64? {
        switch self {
        case .integer(let number): number
        case .double(let number): Int64(exactly: number)
        default: nil
        }
    }

    /// The number as a double, or nil.
    package var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }

    /// The boolean, or nil.
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The elements of a list, or nil.
    package var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }

    /// The members of an object, or nil.
    package var object: [String: JSON]? { if case .object(let members) = self { members } else { nil } }
}

/// Text that is not valid JSON.
package struct JSONSyntaxError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, and where, in one line.
    package let description: String

    init(_ description: String) { self.description = description }

    /// The decoder does not report a position. Foundation's `JSONSerialization` does, so it parses the text again.
    init(_ bytes: [UInt8], _ error: any Error) {
        var detail = "\(error)"
        do { _ = try JSONSerialization.jsonObject(with: Data(bytes), options: [.fragmentsAllowed]) } catch {
            detail = (error as NSError).userInfo["NSDebugDescription"] as? String ?? detail
        }
        description = String(detail.map { $0.isNewline ? " " : $0 }.prefix(300))
    }
}

extension JSON: Codable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Less than the encoder's own limit, 511: what is read can be written, also with a request around it.
    private static let deepest = 400

    /// Reads any JSON value.
    package init(from decoder: any Decoder) throws {
        guard decoder.codingPath.count <= Self.deepest else {
            throw JSONSyntaxError("nested deeper than \(Self.deepest) levels")
        }
        if let container = try? decoder.container(keyedBy: Key.self) {
            self = .object(try Self.members(container))
        } else if var container = try? decoder.unkeyedContainer() {
            var elements: [JSON] = []
            while !container.isAtEnd { elements.append(try container.decode(JSON.self)) }
            self = .array(elements)
        } else {
            self = try Self.scalar(decoder.singleValueContainer())
        }
    }

    private static func members(_ container: KeyedDecodingContainer<Key>) throws -> [String: JSON] {
        var members: [String: JSON] = [:]
        for key in container.allKeys { members[key.stringValue] = try container.decode(JSON.self, forKey: key) }
        return members
    }

    private static func scalar(_ container: any SingleValueDecodingContainer) throws -> JSON {
        if container.decodeNil() { return .null }
        if let text = try? container.decode(String.self) { return .string(text) }
        if let number = try? container.decode(Int64.self) { return .integer(number) }
        if let value = try? container.decode(Bool.self) { return .bool(value) }
        return .double(try container.decode(Double.self))
    }

    /// Writes the value as JSON.
    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var container = encoder.container(keyedBy: Key.self)
            for (key, value) in members { try container.encode(value, forKey: Key(stringValue: key)) }
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        default:
            var container = encoder.singleValueContainer()
            try encodeScalar(to: &container)
        }
    }

    private func encodeScalar(to container: inout any SingleValueEncodingContainer) throws {
        switch self {
        case .bool(let value): try container.encode(value)
        case .integer(let number): try container.encode(number)
        case .double(let number): try container.encode(number)
        case .string(let text): try container.encode(text)
        default: try container.encodeNil()
        }
    }
}
