// Generations of a state.

/// The number of flushes that a state has had, never negative.
@frozen @usableFromInline
package struct Generation: BareNumber, Codable, ExpressibleByIntegerLiteral {
    /// The number.
    @usableFromInline package let rawValue: Int64

    /// The generation of this number; nil for a negative one.
    @inlinable
    package init?(rawValue: Int64) {
        guard rawValue >= 0 else { return nil }
        self.rawValue = rawValue
    }

    /// The generation of this number, or the first for a negative one.
    @inlinable
    package init(clamping number: Int64) { rawValue = max(0, number) }

    @inlinable
    package init(integerLiteral value: Int64) {
        precondition(value >= 0, "a generation is never negative")
        rawValue = value
    }

    /// The generation after this one.
    @inlinable
    package var next: Self { Self(clamping: rawValue.addingOrBound(1)) }
}
