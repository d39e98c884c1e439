// Folder names of partitions in the form of Iceberg's Java library: `timestamp_day=2021-01-26`. For people only:
// readers take the partition from the manifest.

import Base

extension PartitionSpec {
    /// The folder of files with these partition values, without leading and trailing slashes; empty for an
    /// unpartitioned table.
    package func folder(_ partition: [Literal?]) -> String {
        zip(fields, partition).map { field, value in
            "\(RESTPath.encode(field.name))=\(Self.text(value, field.transform))"
        }.joined(separator: "/")
    }

    private static func text(_ value: Literal?, _ transform: Transform) -> String {
        switch value {
        case nil: "null"
        case .int(let days) where transform == .day: CivilDate(epochDay: Int64(days)).text
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

extension CivilDate {
    /// Months since January 1970 as `YYYY-MM`.
    static func text(monthsSinceEpoch months: Int32) -> String {
        let year = Int64(months).flooredQuotient(by: 12)
        return "\((1970 + year).padded(4))-\((Int64(months) - year * 12 + 1).padded(2))"
    }
}
