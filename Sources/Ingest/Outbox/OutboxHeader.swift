// The header by which a published record is known again: the state's id and the row's number.

/// The outbox number of a record.
enum OutboxHeader {
    static let name = "pageviews-outbox"

    static func text(stateID: String, number: Int64) -> String { "\(stateID):\(number)" }

    /// The number in a header of the same state; nil for other writers' records.
    static func number(in text: String?, stateID: String) -> Int64? {
        guard let text, text.hasPrefix(stateID + ":") else { return nil }
        return Int64(text.dropFirst(stateID.count + 1))
    }
}
