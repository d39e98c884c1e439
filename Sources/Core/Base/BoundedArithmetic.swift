// Arithmetic with numbers from outside: what would overflow stays at the bound.

extension FixedWidthInteger {
    /// The sum, or the bound that it would pass.
    @inlinable
    package func addingOrBound(_ other: Self) -> Self {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the bound that it would pass.
    @inlinable
    package func subtractingOrBound(_ other: Self) -> Self {
        let (difference, isOver) = subtractingReportingOverflow(other)
        return isOver ? (other < 0 ? .max : .min) : difference
    }

    /// The product with a positive factor, or the bound that it would pass.
    @inlinable
    package func timesOrBound(_ factor: Self) -> Self {
        let (product, isOver) = multipliedReportingOverflow(by: factor)
        return isOver ? (self < 0 ? .min : .max) : product
    }
}
