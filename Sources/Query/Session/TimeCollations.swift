// Collations that compare times as instants, whatever their forms. SQLite compares texts byte by byte:
// `2026-01-10 12:00:00` silently sorts before `2026-01-10T00:00:00Z`, since a space sorts before a T.
// Two times compare as instants. A time and another text are an error of the statement for `instant` and
// `instant_call`. Two texts that are not times compare byte by byte.

import Base
import Glibc
import SQLite

/// The error of a comparison; a collation cannot return one.
final class TimeFault {
    /// The first error of the running statement.
    var message: String?
}

/// Collations for texts that may be times.
enum TimeCollation: String, CaseIterable {
    /// For a view's time column, or a value taken from one: the other side must be a time.
    case instant
    /// For results of SQLite's date functions: a time must be compared with a time, another text with any text.
    case call = "instant_call"
    /// SQLite's byte order, where it equals the order of the instants.
    case bytes = "BINARY"
    /// For a literal or parameter that is a time: the other side may be any text.
    case literal = "instant_literal"

    /// Defines all of them on a connection.
    static func define(on connection: Connection, fault: TimeFault) throws {
        for collation in allCases where collation != .bytes {
            try connection.define(collation: collation.rawValue) { first, second in
                collation.order(first, second, fault)
            }
        }
    }

    private func order(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, _ fault: TimeFault) -> Int {
        // The views' form sorts by bytes, and nearly all sorted values have it.
        if Self.isPlain(first), Self.isPlain(second) { return Self.bytewise(first, second) }
        let (left, right) = (Instant(first), Instant(second))
        if let left, let right { return left == right ? 0 : left < right ? -1 : 1 }
        let other = left == nil ? (right == nil ? nil : first) : second
        if self != .literal, fault.message == nil, let other { fault.message = Self.message(about: other) }
        return Self.bytewise(first, second)
    }

    private static func bytewise(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Int {
        guard let left = first.baseAddress, let right = second.baseAddress else { return first.count - second.count }
        let order = Int(memcmp(left, right, min(first.count, second.count)))
        return order == 0 ? first.count - second.count : order
    }

    /// Whether the text is a time like `2026-01-10T12:00:00Z` on a day from 1 to 28; false may also be a time.
    private static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count == 20 else { return false }
        let date = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        let time = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        let rest = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)))
        return hasShape(date, digits: 0x00FF_FF00_FFFF_FFFF, others: 0x2D00_002D_0000_0000)
            && hasShape(time, digits: 0xFFFF_00FF_FF00_FFFF, others: 0x0000_3A00_0054_0000)
            && hasShape(rest, digits: 0x0000_0000_00FF_FF00, others: 0x0000_0000_5A00_003A)
            && (1...12).contains(number(date, 40)) && (1...28).contains(number(time, 0)) && number(time, 24) < 24
            && number(time, 48) < 60 && number(rest, 8) < 60
    }

    /// Whether the bytes where `digits` has ones are ASCII digits, and the other bytes equal those of `others`.
    private static func hasShape(_ word: UInt64, digits: UInt64, others: UInt64) -> Bool {
        let high = digits & 0xF0F0_F0F0_F0F0_F0F0
        let zeros = digits & 0x3030_3030_3030_3030
        // Adding 6 to a digit's low half does not carry into the high half.
        let raised = (word & digits) &+ (digits & 0x0606_0606_0606_0606)
        return word & ~digits == others && word & high == zeros && raised & high == zeros
    }

    /// The two digits at a bit.
    private static func number(_ word: UInt64, _ bit: UInt64) -> UInt64 {
        (word >> bit & 0xF) * 10 + (word >> (bit + 8) & 0xF)
    }

    private static func message(about bytes: UnsafeRawBufferPointer) -> String {
        let text = String(decoding: bytes.prefix(40), as: UTF8.self) + (bytes.count > 40 ? "…" : "")
        let shape =
            Double(text) == nil ? "\(text.quoted(with: "'")), which is not a time" : "the number \(text)"
        return "a time is compared with \(shape): \(remedy)"
    }

    /// The form to use instead.
    static let remedy = """
        write it as '2026-01-10T12:00:00Z', '2026-01-10 12:00', '2026-01-10' or datetime(NUMBER, 'unixepoch'), \
        compare unixepoch(COLUMN) with numbers, or COLUMN COLLATE BINARY with text
        """
}
