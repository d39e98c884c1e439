// Numbers of partitions, as Kafka gives them.

/// The number of a partition within its topic.
@frozen @usableFromInline
package struct PartitionID: BareNumber, Codable, ExpressibleByIntegerLiteral {
    /// The number.
    @usableFromInline package let rawValue: Int32

    /// The partition of this number.
    @inlinable
    package init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    package init(integerLiteral value: Int32) { rawValue = value }

    /// The partition of this number, or of the nearest that there can be.
    @inlinable
    package init(clamping number: some BinaryInteger) { rawValue = Int32(clamping: number) }

    /// The partition that text names in decimal digits; nil when it names none.
    package init?(_ text: some StringProtocol) {
        guard let number = Int32(text) else { return nil }
        rawValue = number
    }

    /// The partitions of a topic that has so many.
    package static func all(count: Int) -> [Self] { (0..<Int32(clamping: max(0, count))).map(Self.init(rawValue:)) }
}
