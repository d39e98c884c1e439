// Rows of the two tables as typed columns. Each number is checked against its plausible range.

package import Base
package import Parquet
import State
package import TableScan

extension RowSelection {
    /// Checks that the numbers of the selected rows are within a range, so that later sums cannot overflow.
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
    /// The postcodes. This and the other columns are empty when the caller did not request them.
    package let postcodes: ByteStrings
    /// The unchanged column, for comparison with the file's metrics. Microseconds since the Unix epoch.
    package let timestamps: [Int64]
    /// The counts.
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

    /// The window's start. Drops fractions of a second, which this program never writes.
    @inline(__always)
    package func windowStart(_ row: Int) -> WindowStart {
        WindowStart(rawValue: timestamps[row] - timestamps[row] % 1_000_000)
    }

    /// The row's timestamp.
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
    /// The user ids, 0 for null. This and the other columns are empty when the caller did not request them.
    let userIDs: [Int64]
    private let userValidity: [Bool]
    package let postcodes: ByteStrings
    /// The pages, empty for null.
    package let webpages: ByteStrings
    private let pageValidity: [Bool]
    /// The unchanged columns, for comparison with the file's metrics. Timestamps are microseconds since the Unix epoch.
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
    /// The row's user id; nil for null.
    @inline(__always)
    package func userID(_ row: Int) -> Int64? { hasUserID(row) ? userIDs[row] : nil }
    /// The event time.
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
    /// - Throws: `TableReadError`, and the errors of the file's source.
    package func reading(_ columns: ColumnSet) throws -> RawBatch {
        try TableReadError.naming(group.file) { try RawBatch(group, rows, columns) }
    }

    /// Calls `body` with the number, partition, offset, event time and `late` flag of each selected row. The batch must
    /// have these columns.
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
