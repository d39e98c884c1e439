// Which rows of a row group are meant: those that are neither deleted nor outside the wanted times.

/// Rows of a row group, ascending, counted from 0 within it.
package struct RowSelection: Sequence {
    /// How many rows are selected.
    package let count: Int
    /// The rows; nil when all are.
    private let listed: [Int32]?

    /// The first `count` rows.
    package init(all count: Int) {
        self.count = count
        listed = nil
    }

    /// These rows.
    package init(_ rows: [Int32]) {
        assert(zip(rows, rows.dropFirst()).allSatisfy { $0 < $1 }, "rows ascend")
        count = rows.count
        listed = rows
    }

    /// All of `count` rows but the deleted ones.
    /// - Parameter deleted: ascending, of the row group's own rows, counted in the file, whose first row is `first`.
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

    /// Those of these rows whose value lies in `range`.
    package func within(_ range: ClosedRange<Int64>, _ values: [Int64]) -> RowSelection {
        var rows: [Int32] = []
        for row in self where range.contains(values[row]) { rows.append(Int32(truncatingIfNeeded: row)) }
        return rows.count == count ? self : RowSelection(rows)
    }

    package struct Iterator: IteratorProtocol {
        fileprivate let count: Int
        fileprivate let listed: [Int32]?
        fileprivate var index = 0

        @inline(__always)
        package mutating func next() -> Int? {
            guard index < count else { return nil }
            defer { index &+= 1 }
            guard let listed else { return index }
            return Int(listed[index])
        }
    }

    package func makeIterator() -> Iterator { Iterator(count: count, listed: listed) }
    package var underestimatedCount: Int { count }
}
