// The two tables: their columns, in Iceberg's and in Parquet's terms, and their partitions.
// Field ids never change, because readers and existing files identify columns by them.

import Base
import Iceberg
package import Parquet
import State

/// A column in both formats.
private struct ExportColumn {
    let id: Int
    let name: String
    let iceberg: FieldType
    let parquet: ColumnType
    var isRequired = true
    var encoding = ColumnEncoding.dictionary
}

extension ExportTable {
    private var columns: [ExportColumn] {
        switch self {
        case .counts:
            [
                ExportColumn(id: 1, name: "postcode", iceberg: .string, parquet: .string),
                ExportColumn(id: 2, name: "timestamp", iceberg: .timestamptz, parquet: .timestampMicros),
                ExportColumn(id: 3, name: "count", iceberg: .long, parquet: .int64),
            ]
        case .raw:
            [
                ExportColumn(id: 1, name: "user_id", iceberg: .long, parquet: .int64, isRequired: false),
                ExportColumn(id: 2, name: "postcode", iceberg: .string, parquet: .string),
                ExportColumn(id: 3, name: "webpage", iceberg: .string, parquet: .string, isRequired: false),
                ExportColumn(
                    id: 4, name: "timestamp", iceberg: .timestamptz, parquet: .timestampMicros, encoding: .delta),
                ExportColumn(id: 5, name: "kafka_partition", iceberg: .int, parquet: .int32),
                ExportColumn(id: 6, name: "kafka_offset", iceberg: .long, parquet: .int64, encoding: .delta),
                ExportColumn(id: 7, name: "late", iceberg: .boolean, parquet: .boolean),
            ]
        }
    }

    /// The table's columns for Iceberg.
    var icebergSchema: TableSchema {
        TableSchema(
            fields: columns.map {
                SchemaField(id: $0.id, name: $0.name, required: $0.isRequired, type: $0.iceberg)
            }, identifierFieldIDs: self == .counts ? [1, 2] : [])
    }

    /// The columns of its data files.
    package var parquetSchema: ParquetSchema {
        ParquetSchema(
            columns.map {
                Column(
                    $0.name, $0.parquet, isOptional: !$0.isRequired, fieldID: Int32($0.id), encoding: $0.encoding)
            })
    }

    /// Both tables are partitioned by the day of their timestamp.
    var partitionSpec: PartitionSpec {
        PartitionSpec(fields: [
            PartitionField(
                sourceID: self == .counts ? 2 : 4, fieldID: PartitionSpec.firstFieldID, name: "timestamp_day",
                transform: .day)
        ])
    }
}

/// Names of days in paths.
package enum DayName {
    /// `YYYY-MM-DD` for a number of days since 1970-01-01, in UTC.
    package static func iso(_ day: Int) -> String { CivilDate(epochDay: Int64(day)).text }

    /// `year=YYYY/month=MM/day=DD` for a number of days since 1970-01-01.
    package static func folders(_ day: Int) -> String {
        let date = CivilDate(epochDay: Int64(day))
        return "year=\(date.year.padded(4))/month=\(date.month.padded(2))/day=\(date.day.padded(2))"
    }
}
