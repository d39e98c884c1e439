// The type of a state's generation.
// Invariant: a generation is never negative. Each initializer rejects, clamps or checks negative numbers.

/// A number that each flush, and each transaction of a backfill, raises by one; 0 in a new state.
@frozen @usableFromInline
package struct Generation: BareNumber, Codable, ExpressibleByIntegerLiteral {
    /// The number.
    @usableFromInline package let rawValue: Int64

    /// The generation with this number; nil for a negative number.
    @inlinable
    package init?(rawValue: Int64) {
        guard rawValue >= 0 else { return nil }
        self.rawValue = rawValue
    }

    /// The generation with this number; 0 for a negative number.
    @inlinable
    package init(clamping number: Int64) { rawValue = max(0, number) }

    @inlinable
    package init(integerLiteral value: Int64) {
        precondition(value >= 0, "a generation is never negative")
        rawValue = value
    }

    /// The generation after this one; itself at the largest number.
    @inlinable
    package var next: Self { Self(clamping: rawValue.addingOrBound(1)) }
}
