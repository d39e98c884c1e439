// By what a published record is known again: a header with the state's id and the row's number, and a key that says where the
// event came from.

internal import Store

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

/// The key of a record: `PARTITION/OFFSET` of the source topic.
enum OutboxKey {
    static func text(_ row: OutboxRow) -> String { "\(row.partition)/\(row.offset)" }

    /// nil for what is no such key.
    static func origin(of text: String) -> (partition: Int32, offset: Int64)? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let partition = Int32(parts[0]), let offset = Int64(parts[1]) else { return nil }
        return (partition, offset)
    }
}
