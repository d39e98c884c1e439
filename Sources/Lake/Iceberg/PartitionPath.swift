// Purpose: folder names of partitions as other writers choose them, `timestamp_day=2021-01-26`. Only people read them:
// readers take the partition from the manifest.

extension PartitionSpec {
    /// The folder of files with these values, without slashes at the ends; empty when the table is not partitioned.
    public func folder(_ partition: [Literal?]) -> String {
        zip(fields, partition).map { field, value in
            "\(RESTPath.encode(field.name))=\(Self.text(value, field.transform))"
        }.joined(separator: "/")
    }

    private static func text(_ value: Literal?, _ transform: Transform) -> String {
        switch value {
        case nil: "null"
        case .int(let days) where transform == .day: CivilDate.text(daysSinceEpoch: days)
        case .int(let months) where transform == .month: CivilDate.text(monthsSinceEpoch: months)
        case .int(let years) where transform == .year: "\(1970 + Int(years))"
        case .boolean(let flag): "\(flag)"
        case .int(let number): "\(number)"
        case .long(let number): "\(number)"
        case .float(let number): "\(number)"
        case .double(let number): "\(number)"
        case .string(let text): RESTPath.encode(text)
        case .bytes(let bytes): bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }
}

/// Dates of the proleptic Gregorian calendar.
enum CivilDate {
    private static let daysOf400Years = 146_097
    /// From 0000-03-01, where the leap day ends the year, to 1970-01-01.
    private static let daysFromMarchOfYear0 = 719_468

    /// `YYYY-MM-DD`.
    static func text(daysSinceEpoch: Int32) -> String {
        let (year, month, day) = civil(daysSinceEpoch)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    /// `YYYY-MM`.
    static func text(monthsSinceEpoch months: Int32) -> String {
        let (year, month) = Int(months).quotientAndRemainder(dividingBy: 12)
        return month < 0
            ? "\(padded(1969 + year, 4))-\(padded(month + 13, 2))" : "\(padded(1970 + year, 4))-\(padded(month + 1, 2))"
    }

    /// The year, and the month from 1 to 12.
    static func yearAndMonth(daysSinceEpoch: Int32) -> (year: Int, month: Int) {
        let (year, month, _) = civil(daysSinceEpoch)
        return (year, month)
    }

    private static func civil(_ daysSinceEpoch: Int32) -> (year: Int, month: Int, day: Int) {
        let days = Int(daysSinceEpoch) + daysFromMarchOfYear0
        let era = (days >= 0 ? days : days - daysOf400Years + 1) / daysOf400Years
        let dayOfEra = days - era * daysOf400Years
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, day)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(abs(number))
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
