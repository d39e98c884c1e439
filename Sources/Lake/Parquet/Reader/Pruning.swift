// Selects the row groups that may hold wanted rows, by the statistics in the footer. A row group is skipped only when
// its statistics prove that it has no wanted row: a missing or unreadable bound proves nothing.

extension ParquetReader {
    /// The indices of row groups that may have a row whose value in `column` is in `range`, both ends inclusive; for
    /// int32, int64, date and timestamp columns (microseconds). Nulls are in no range. Includes row groups without
    /// statistics, and all row groups for other types unless they hold only nulls.
    package func rowGroups(column: Int, within range: ClosedRange<Int64>) -> [Int] {
        let column = (index: column, facts: schema.columns[column])
        return rowGroups.indices.filter { group in
            let statistics = rowGroups[group].statistics[column.index]
            if statistics.nullCount == rowGroups[group].rowCount { return false }
            guard let lower = column.facts.integer(statistics.lower), let upper = column.facts.integer(statistics.upper)
            else { return true }
            return lower <= range.upperBound && upper >= range.lowerBound
        }
    }

    /// The indices of row groups that may have a row whose value in `column` is in `lower` ... `upper`, both inclusive,
    /// by unsigned bytes; for string and binary columns. Otherwise like `rowGroups(column:within:)`.
    package func rowGroups(column: Int, from lower: [UInt8], to upper: [UInt8]) -> [Int] {
        let type = schema.columns[column].type
        return rowGroups.indices.filter { group in
            let statistics = rowGroups[group].statistics[column]
            if statistics.nullCount == rowGroups[group].rowCount { return false }
            guard type.physical == .byteArray else { return true }
            if let least = statistics.lower, upper.lexicographicallyPrecedes(least) { return false }
            if let greatest = statistics.upper, greatest.lexicographicallyPrecedes(lower) { return false }
            return true
        }
    }
}

extension Column {
    /// A bound of an integer column as a number, timestamps in microseconds; nil when missing or unreadable.
    fileprivate func integer(_ bound: [UInt8]?) -> Int64? {
        guard let bound else { return nil }
        switch type.physical {
        case .int32: return Int32(littleEndian: bound).map(Int64.init)
        case .int64:
            guard let number = Int64(littleEndian: bound) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: isInMilliseconds ? 1000 : 1)
            return overflow ? nil : product
        default: return nil
        }
    }
}
