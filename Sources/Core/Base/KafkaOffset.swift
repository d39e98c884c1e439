// Offsets of records, as Kafka gives them.
// Invariant: no arithmetic traps: numbers of a broker or a file stay at the bound that a sum would pass.

/// The offset of a record in its partition, or the end (exclusive) of a range of them.
@frozen @usableFromInline
package struct KafkaOffset: BareNumber, Codable, ExpressibleByIntegerLiteral {
    /// The number.
    @usableFromInline package let rawValue: Int64

    /// The offset of this number.
    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    @inlinable
    package init(integerLiteral value: Int64) { rawValue = value }

    /// The offset that text has in decimal digits; nil when it has none.
    package init?(_ text: some StringProtocol) {
        guard let number = Int64(text) else { return nil }
        rawValue = number
    }

    /// The offset after this one.
    @inlinable
    package var next: Self { self + 1 }

    /// The offset before this one.
    @inlinable
    package var previous: Self { self - 1 }

    /// The offset so many records later.
    @inlinable
    package static func + (offset: Self, records: Int64) -> Self {
        Self(rawValue: offset.rawValue.addingOrBound(records))
    }

    /// The offset so many records earlier.
    @inlinable
    package static func - (offset: Self, records: Int64) -> Self {
        Self(rawValue: offset.rawValue.subtractingOrBound(records))
    }

    /// How many records later the other offset is; negative when it is earlier.
    @inlinable
    package func distance(to other: Self) -> Int64 { other.rawValue.subtractingOrBound(rawValue) }

    /// Before every offset.
    package static var first: Self { Self(rawValue: .min) }

    /// After every offset.
    package static var last: Self { Self(rawValue: .max) }
}
