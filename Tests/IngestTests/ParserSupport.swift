// Support for the tests of the event parser.

import Base
import Testing

@testable import Ingest

/// A copy of a parsed event.
struct ParsedEvent: Equatable {
    var postcode: [UInt8]
    var timeMicroseconds: Int64
    var userID: Int64?
    var webpage: [UInt8]?
}

/// The parser's result for a document.
enum Verdict: Equatable {
    case event(ParsedEvent)
    case rejected(Rejection, at: Int)
}

extension EventParser {
    func verdict(_ bytes: [UInt8]) -> Verdict {
        bytes.withUnsafeBytes { buffer in
            do throws(Fault) {
                let event = try parse(buffer)
                return .event(
                    ParsedEvent(
                        postcode: Array(event.postcode), timeMicroseconds: event.time.rawValue,
                        userID: event.userID, webpage: event.webpage.map { Array($0) }))
            } catch {
                return .rejected(error.reason, at: error.position)
            }
        }
    }
}

func verdict(_ text: String) -> Verdict { EventParser().verdict(Array(text.utf8)) }

/// The event of almost all valid documents of these tests.
func event(
    _ postcode: String = "SW19", user: Int64? = nil, webpage: String? = nil, time: Int64 = 1_611_662_684_000_000
) -> Verdict {
    .event(
        ParsedEvent(
            postcode: Array(postcode.utf8), timeMicroseconds: time, userID: user,
            webpage: webpage.map { Array($0.utf8) }))
}
