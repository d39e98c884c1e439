// The fallback: what the event is according to Foundation's JSON.
//
// It reads what the fast path leaves to it, and the tests hold the two against each other on documents that both read.
// Invariant: it accepts UTF-8 only (Foundation would also take UTF-16 and UTF-32).

internal import Foundation
internal import Windowing

enum FoundationParser {
    /// The event of a message whose syntax the scanner has checked.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, fields: EventParser.Fields, _ parser: EventParser
    ) throws(Fault) -> Event {
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(bytes))
        } catch {
            throw Fault(reason: .unrepresentable, position: 0)
        }
        return try document.event(fields, parser)
    }

    /// The four fields, each of any type.
    struct Document: Decodable {
        var userID: Loose?
        var postcode: Loose?
        var webpage: Loose?
        var timestamp: Loose?

        enum CodingKeys: String, CodingKey {
            case userID = "user_id"
            case postcode, webpage, timestamp
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            userID = try container.decodeIfPresent(Loose.self, forKey: .userID)
            postcode = try container.decodeIfPresent(Loose.self, forKey: .postcode)
            webpage = try container.decodeIfPresent(Loose.self, forKey: .webpage)
            timestamp = try container.decodeIfPresent(Loose.self, forKey: .timestamp)
        }
    }

    /// A JSON value, as far as the fields care.
    enum Loose: Decodable {
        case string(String)
        case integer(Int64)
        /// A number that is integral but does not fit, and one that is not integral.
        case tooLarge, fraction
        case other

        init(from decoder: any Decoder) throws {
            guard let container = try? decoder.singleValueContainer() else {
                self = .other
                return
            }
            if let text = try? container.decode(String.self) {
                self = .string(text)
            } else if (try? container.decode(Bool.self)) != nil {
                self = .other
            } else if let value = try? container.decode(Int64.self) {
                self = .integer(value)
            } else if let value = try? container.decode(Decimal.self) {
                self = Self.number(value)
            } else if (try? container.decode(Double.self)) != nil {
                self = .tooLarge
            } else {
                self = .other
            }
        }

        private static func number(_ value: Decimal) -> Loose {
            var source = value
            var whole = Decimal()
            NSDecimalRound(&whole, &source, 0, .down)
            guard whole == value else { return .fraction }
            return Int64(value.description).map { .integer($0) } ?? .tooLarge
        }

        /// The integer of a number or of a string of digits.
        func integer(type: Rejection, range: Rejection, position: Int) throws(Fault) -> Int64 {
            switch self {
            case .integer(let value): return value
            case .tooLarge: throw Fault(reason: range, position: position)
            case .string(let text) where !text.isEmpty && text.utf8.allSatisfy { $0 &- 0x30 < 10 }:
                guard let value = Int64(text) else { throw Fault(reason: range, position: position) }
                return value
            default: throw Fault(reason: type, position: position)
            }
        }
    }
}

extension FoundationParser.Document {
    func event(_ fields: EventParser.Fields, _ parser: EventParser) throws(Fault) -> Event {
        var event = Event()
        event.postcode = parser.keep(try postcodeText(position: fields.postcode.start))
        let at = fields.timestamp.start
        guard let timestamp else { throw Fault(reason: .missingTimestamp, position: at) }
        let value = try timestamp.integer(type: .timestampType, range: .timestampRange, position: at)
        guard let time = EventTime.microseconds(ofTimestamp: value) else {
            throw Fault(reason: .timestampRange, position: at)
        }
        event.timeMicroseconds = time
        event.userID = try userID?.integer(type: .userType, range: .userRange, position: fields.userID.start)
        switch webpage {
        case nil: break
        case .string(let text): event.webpage = parser.keep(text)
        default: throw Fault(reason: .webpageType, position: fields.webpage.start)
        }
        return event
    }

    private func postcodeText(position: Int) throws(Fault) -> String {
        switch postcode {
        case nil: throw Fault(reason: .missingPostcode, position: position)
        case .string(let text):
            let bytes = Array(text.utf8)
            let fault: Fault? = bytes.withUnsafeBytes { bytes in
                do throws(Fault) {
                    try EventParser.checkPostcode(bytes, position: position)
                    return nil
                } catch {
                    return error
                }
            }
            if let fault { throw fault }
            return text
        default: throw Fault(reason: .postcodeType, position: position)
        }
    }
}
