// A page view in a message, and the reasons why a message is not one.

import Base

/// A valid page-view event. Its bytes are borrowed from the message or from the parser's scratch space. They are valid
/// until the parser is used again.
struct Event {
    /// The user; nil when the event names none.
    var userID: Int64?
    /// 1 to 64 bytes of valid UTF-8 without control characters.
    var postcode = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The page, valid UTF-8; nil when the event names none.
    var webpage: UnsafeRawBufferPointer?
    /// The event time, within the bounds of `EventTime.init(timestamp:)`.
    var time = EventTime(rawValue: 0)
}

/// Why a message is not an event. The texts are stored in `rejected_events.reason`; scripts may compare them.
enum Rejection: String, Error, Equatable {
    case tombstone = "tombstone: the message has no value"
    case empty = "empty message"
    case notObject = "not a JSON object"
    case syntax = "not JSON: unexpected byte"
    case truncated = "not JSON: the message ends too early"
    case trailing = "not JSON: something follows the object"
    case invalidUTF8 = "not valid UTF-8"
    case controlInString = "not JSON: control character in a string"
    case escape = "not JSON: invalid escape in a string"
    case surrogate = "not JSON: unpaired surrogate escape in a string"
    case number = "not JSON: malformed number"
    case depth = "nested deeper than 512 levels"
    case missingPostcode = "postcode is missing"
    case postcodeType = "postcode is not a string"
    case postcodeLength = "postcode is not 1 to 64 bytes"
    case postcodeControl = "postcode has a control character"
    case missingTimestamp = "timestamp is missing"
    case timestampType = "timestamp is not an integer"
    case timestampRange = "timestamp is out of range"
    case userType = "user_id is not an integer"
    case userRange = "user_id is out of range"
    case webpageType = "webpage is not a string"
}

/// The reason why a message is rejected, and where.
struct Fault: Error, Equatable {
    let reason: Rejection
    /// The offset of the byte in the message, from 0.
    let position: Int
}
