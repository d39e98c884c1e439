// The selected rows of a row group: neither deleted nor outside the wanted times.
// Invariant: rows are ascending.

/// Rows of a row group, ascending, counted from 0 within it.
package struct RowSelection: Sequence {
    /// Number of selected rows.
    package let count: Int
    /// The rows; nil: the first `count`.
    private let listed: [Int32]?

    /// The first `count` rows.
    package init(all count: Int) {
        self.count = count
        listed = nil
    }

    /// The given rows, ascending.
    package init(_ rows: [Int32]) {
        assert(zip(rows, rows.dropFirst()).allSatisfy { $0 < $1 }, "rows are ascending")
        count = rows.count
        listed = rows
    }

    /// The rows of a row group of `count` rows that are not deleted.
    /// - Parameters:
    ///   - first: the position in the file of the row group's first row.
    ///   - deleted: positions in the file of this row group's deleted rows, ascending.
    package init(count: Int, first: Int, without deleted: ArraySlice<UInt64>) {
        guard !deleted.isEmpty else {
            self.init(all: count)
            return
        }
        var rows: [Int32] = []
        rows.reserveCapacity(count - Swift.min(count, deleted.count))
        var next = deleted.startIndex
        for row in 0..<count {
            if next < deleted.endIndex, deleted[next] == UInt64(first + row) {
                next += 1
            } else {
                rows.append(Int32(truncatingIfNeeded: row))
            }
        }
        self.init(rows)
    }

    /// The selected rows whose value is in `range`, both ends inclusive.
    /// - Parameter values: one per row of the row group.
    package func within(_ range: ClosedRange<Int64>, _ values: [Int64]) -> RowSelection {
        var rows: [Int32] = []
        for row in self where range.contains(values[row]) { rows.append(Int32(truncatingIfNeeded: row)) }
        return rows.count == count ? self : RowSelection(rows)
    }

    /// Iterates over the selected rows.
    package struct Iterator: IteratorProtocol {
        fileprivate let count: Int
        fileprivate let listed: [Int32]?
        fileprivate var index = 0

        /// The next selected row; nil at the end.
        @inline(__always)
        package mutating func next() -> Int? {
            guard index < count else { return nil }
            defer { index &+= 1 }
            guard let listed else { return index }
            return Int(listed[index])
        }
    }

    /// Starts at the first selected row.
    package func makeIterator() -> Iterator { Iterator(count: count, listed: listed) }
    /// The exact count, so that arrays reserve their capacity at once.
    package var underestimatedCount: Int { count }
}
