// Saturating arithmetic for untrusted numbers: a result that would overflow becomes the nearest bound of its type.

extension FixedWidthInteger {
    /// The sum, or the nearest bound when it overflows.
    @inlinable
    package func addingOrBound(_ other: Self) -> Self {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the nearest bound when it overflows.
    @inlinable
    package func subtractingOrBound(_ other: Self) -> Self {
        let (difference, isOver) = subtractingReportingOverflow(other)
        return isOver ? (other < 0 ? .max : .min) : difference
    }

    /// The product, or the nearest bound when it overflows.
    /// - Parameter factor: must be positive.
    @inlinable
    package func timesOrBound(_ factor: Self) -> Self {
        assert(factor > 0, "the factor is positive")
        let (product, isOver) = multipliedReportingOverflow(by: factor)
        return isOver ? (self < 0 ? .min : .max) : product
    }
}
