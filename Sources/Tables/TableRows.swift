// Rows of the two tables as typed columns, each number checked against what can be.

package import Base
package import Parquet
import State
package import TableScan

extension RowSelection {
    /// Refuses a number that cannot be, in one of these rows, before anything is added up.
    /// - Throws: `TableReadError` with the row and the value.
    fileprivate func check<Number: FixedWidthInteger>(
        _ values: [Number], _ range: ClosedRange<Number>, _ column: String, _ group: RowGroupColumns
    ) throws {
        var isRight = true
        for value in values { isRight = isRight && range.contains(value) }
        guard !isRight, let row = first(where: { !range.contains(values[$0]) }) else { return }
        throw TableReadError(
            file: group.file,
            reason: "row \(group.firstPosition + Int64(row)): \(column) \(values[row]) cannot be")
    }
}

/// Rows of the counts table.
package struct CountsBatch: RowBatch {
    package static let schema = ExportTable.counts.parquetSchema
    package static let timestampID: Int32 = 2
    package static let postcode = ColumnSet(fieldID: 1)
    package static let timestamp = ColumnSet(fieldID: 2)
    package static let count = ColumnSet(fieldID: 3)

    package let rows: RowSelection
    package let firstPosition: Int64
    /// Postcodes; empty when not wanted, like the others.
    package let postcodes: ByteStrings
    /// The column as it is, for what compares it with its file's metrics.
    package let timestamps: [Int64]
    package let counts: [Int64]

    package init(_ group: RowGroupColumns, _ rows: RowSelection, _ columns: ColumnSet) throws {
        self.rows = rows
        firstPosition = group.firstPosition
        postcodes = try columns.contains(Self.postcode) ? group.bytes(1).values : ByteStrings()
        timestamps = try columns.contains(Self.timestamp) ? group.int64(2).values : []
        counts = try columns.contains(Self.count) ? group.int64(3).values : []
        try rows.check(timestamps, Plausible.microseconds, "timestamp", group)
        try rows.check(counts, Plausible.count, "count", group)
    }

    /// The window's start. Less than a second of a timestamp, which no export of ours has, is dropped.
    @inline(__always)
    package func windowStart(_ row: Int) -> WindowStart {
        WindowStart(rawValue: timestamps[row] - timestamps[row] % 1_000_000)
    }

    /// The timestamp as it is.
    @inline(__always)
    package func timestamp(_ row: Int) -> EventTime { EventTime(rawValue: timestamps[row]) }
}

/// Rows of the raw table.
package struct RawBatch: RowBatch {
    package static let schema = ExportTable.raw.parquetSchema
    package static let timestampID: Int32 = 4
    package static let userID = ColumnSet(fieldID: 1)
    package static let postcode = ColumnSet(fieldID: 2)
    package static let webpage = ColumnSet(fieldID: 3)
    package static let timestamp = ColumnSet(fieldID: 4)
    package static let partition = ColumnSet(fieldID: 5)
    package static let offset = ColumnSet(fieldID: 6)
    package static let late = ColumnSet(fieldID: 7)

    package let rows: RowSelection
    package let firstPosition: Int64
    private let group: RowGroupColumns
    /// User ids, 0 where there is none; empty when not wanted, like the others.
    let userIDs: [Int64]
    private let userValidity: [Bool]
    package let postcodes: ByteStrings
    /// Pages, empty where there is none.
    package let webpages: ByteStrings
    private let pageValidity: [Bool]
    /// Columns as they are, for what compares them with their file's metrics.
    package let timestamps: [Int64]
    package let partitions: [Int32]
    package let offsets: [Int64]
    package let late: [Bool]

    package init(_ group: RowGroupColumns, _ rows: RowSelection, _ columns: ColumnSet) throws {
        self.rows = rows
        self.group = group
        firstPosition = group.firstPosition
        (userIDs, userValidity) = try columns.contains(Self.userID) ? group.int64(1) : ([], [])
        postcodes = try columns.contains(Self.postcode) ? group.bytes(2).values : ByteStrings()
        (webpages, pageValidity) = try columns.contains(Self.webpage) ? group.bytes(3) : (ByteStrings(), [])
        timestamps = try columns.contains(Self.timestamp) ? group.int64(4).values : []
        partitions = try columns.contains(Self.partition) ? group.int32(5) : []
        offsets = try columns.contains(Self.offset) ? group.int64(6).values : []
        late = try columns.contains(Self.late) ? group.boolean(7) : []
        try rows.check(timestamps, Plausible.microseconds, "timestamp", group)
        try rows.check(partitions, 0...Int32.max, "kafka_partition", group)
        try rows.check(offsets, Plausible.count, "kafka_offset", group)
    }

    /// Whether the row has a user id.
    @inline(__always)
    func hasUserID(_ row: Int) -> Bool { userValidity.isEmpty || userValidity[row] }
    /// The row's user id.
    @inline(__always)
    package func userID(_ row: Int) -> Int64? { hasUserID(row) ? userIDs[row] : nil }
    /// The event's time.
    @inline(__always)
    package func time(_ row: Int) -> EventTime { EventTime(rawValue: timestamps[row]) }
    /// The record's partition.
    @inline(__always)
    package func partition(_ row: Int) -> PartitionID { PartitionID(rawValue: partitions[row]) }
    /// The record's offset.
    @inline(__always)
    package func offset(_ row: Int) -> KafkaOffset { KafkaOffset(rawValue: offsets[row]) }
    /// Whether the row has a page.
    @inline(__always)
    package func hasWebpage(_ row: Int) -> Bool { pageValidity.isEmpty || pageValidity[row] }

    /// The same rows with other columns.
    /// - Throws: `TableReadError`, and what the source throws.
    package func reading(_ columns: ColumnSet) throws -> RawBatch {
        try TableReadError.naming(group.file) { try RawBatch(group, rows, columns) }
    }

    /// Calls `body` with the row, partition, offset, time and lateness of each selected row.
    @inline(__always)
    package func forEachPlace(
        _ body: (Int, PartitionID, KafkaOffset, EventTime, Bool) throws -> Void
    ) rethrows {
        try partitions.withUnsafeBufferPointer { partitions in
            try offsets.withUnsafeBufferPointer { offsets in
                try timestamps.withUnsafeBufferPointer { timestamps in
                    try late.withUnsafeBufferPointer { late in
                        for row in rows {
                            try body(
                                row, PartitionID(rawValue: partitions[row]), KafkaOffset(rawValue: offsets[row]),
                                EventTime(rawValue: timestamps[row]), late[row])
                        }
                    }
                }
            }
        }
    }
}
