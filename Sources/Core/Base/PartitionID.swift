// The type of Kafka's partition numbers.

/// The number of a partition within its topic.
@frozen @usableFromInline
package struct PartitionID: BareNumber, Codable, ExpressibleByIntegerLiteral {
    /// The number.
    @usableFromInline package let rawValue: Int32

    /// The partition with this number.
    @inlinable
    package init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    package init(integerLiteral value: Int32) { rawValue = value }

    /// The partition with this number, or with the nearest number of 32 bits.
    @inlinable
    package init(clamping number: some BinaryInteger) { rawValue = Int32(clamping: number) }

    /// The partition in decimal digits; nil when the text is not a number of 32 bits.
    package init?(_ text: some StringProtocol) {
        guard let number = Int32(text) else { return nil }
        rawValue = number
    }

    /// The partitions of a topic with `count` partitions: 0 to `count` - 1.
    package static func all(count: Int) -> [Self] { (0..<Int32(clamping: max(0, count))).map(Self.init(rawValue:)) }
}
