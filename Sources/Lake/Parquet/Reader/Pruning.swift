// Which row groups can hold rows that a caller looks for, judged by the statistics in the footer alone.
// Invariant: a row group is skipped only if its statistics prove that it has no such row.

extension ParquetReader {
    /// Row groups that may have a row whose value in `column` lies in `range`; for int32, int64, date and timestamp columns.
    /// Rows without a value are in no range. For other types, and where the file has no statistics, all row groups are answered.
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

    /// Row groups that may have a row whose value in `column` lies from `lower` to `upper`, both included, as unsigned bytes;
    /// for string and binary columns. For the rest see the other form.
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
    /// A bound of an integer column as a number, in the unit of its values; nil where there is none.
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
