// The type of Kafka's record offsets. Numbers come from brokers and files, so its arithmetic saturates and never traps.

/// The offset of a record in its partition, or the end (exclusive) of a range of offsets.
@frozen @usableFromInline
package struct KafkaOffset: BareNumber, Codable, ExpressibleByIntegerLiteral {
    /// The number.
    @usableFromInline package let rawValue: Int64

    /// The offset with this number.
    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    @inlinable
    package init(integerLiteral value: Int64) { rawValue = value }

    /// The offset in decimal digits; nil when the text is not a number of 64 bits.
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

    /// The offset that many records later, or the last one.
    @inlinable
    package static func + (offset: Self, records: Int64) -> Self {
        Self(rawValue: offset.rawValue.addingOrBound(records))
    }

    /// The offset that many records earlier, or the first one.
    @inlinable
    package static func - (offset: Self, records: Int64) -> Self {
        Self(rawValue: offset.rawValue.subtractingOrBound(records))
    }

    /// The number of offsets from this one to the other; negative when the other is earlier.
    @inlinable
    package func distance(to other: Self) -> Int64 { other.rawValue.subtractingOrBound(rawValue) }

    /// A lower bound (inclusive) of all offsets.
    package static var first: Self { Self(rawValue: .min) }

    /// An upper bound (inclusive) of all offsets.
    package static var last: Self { Self(rawValue: .max) }
}
