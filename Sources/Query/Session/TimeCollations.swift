// The collations that compare times as instants, whatever form each is written in. SQLite compares texts byte by byte:
// `2026-01-10 12:00:00` is before `2026-01-10T00:00:00Z`, since a space is before a T, and no word is said about it.
// Invariants: two times are compared as instants; a time and a text that is none are an error of the statement for
// `instant` and `instant_call`; two texts that are no times are compared byte by byte.

internal import SQLite

/// What went wrong in a comparison; a collation has no other way to fail its statement.
final class TimeFault {
    /// The first fault of the statement that runs.
    var message: String?
}

/// Orders of texts that may be times.
enum TimeCollation: String, CaseIterable {
    /// Of a view's time column, or a value taken from one: what it is compared with must be a time.
    case instant
    /// Of what SQLite's date functions return: may be compared with any text, but a time only with a time.
    case call = "instant_call"
    /// Of a literal or parameter that reads as a time: the other side may be any text.
    case literal = "instant_literal"

    /// Defines all of them on a connection.
    static func define(on connection: Connection, fault: TimeFault) throws {
        for collation in allCases {
            try connection.define(collation: collation.rawValue) { first, second in
                collation.order(first, second, fault)
            }
        }
    }

    private func order(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, _ fault: TimeFault) -> Int {
        let (left, right) = (Instant(first), Instant(second))
        if let left, let right { return left == right ? 0 : left < right ? -1 : 1 }
        let other = left == nil ? (right == nil ? nil : first) : second
        if self != .literal, fault.message == nil, let other { fault.message = Self.message(about: other) }
        return Self.bytewise(first, second)
    }

    private static func bytewise(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        for (left, right) in zip(first, second) where left != right { return left < right ? -1 : 1 }
        return first.count - second.count
    }

    private static func message(about bytes: UnsafeRawBufferPointer) -> String {
        let text = String(decoding: bytes.prefix(40), as: UTF8.self) + (bytes.count > 40 ? "…" : "")
        let shape =
            Double(text) == nil ? "\(text.quoted(with: "'")), which is no time" : "the number \(text)"
        return "a time is compared with \(shape): \(remedy)"
    }

    /// What to write instead.
    static let remedy = """
        write it as '2026-01-10T12:00:00Z', '2026-01-10 12:00', '2026-01-10' or datetime(NUMBER, 'unixepoch'), \
        compare unixepoch(COLUMN) with numbers, or COLUMN COLLATE BINARY with text
        """
}
