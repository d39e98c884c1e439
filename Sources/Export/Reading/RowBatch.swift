// One row group of a table's data file as typed columns. Rows are picked by the batch's selection; the columns hold deleted
// rows too, so that a row's index stays its place.

import Base
import Parquet
import Store

/// Columns of a table, by field id.
struct ColumnSet: OptionSet {
    let rawValue: UInt32
    /// Every column.
    static let all = ColumnSet(rawValue: .max)

    init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The column of a field id, 1 ... 31.
    init(fieldID: Int32) { rawValue = 1 << UInt32(fieldID) }
}

/// A batch of rows of one of the tables.
protocol RowBatch {
    /// The table whose rows these are.
    static var table: ExportTable { get }
    /// The field id of its timestamp column.
    static var timestampID: Int32 { get }
    /// Reads the wanted columns of a row group.
    init(_ group: RowGroupColumns, _ rows: RowSelection, _ columns: ColumnSet) throws
    /// The selected rows.
    var rows: RowSelection { get }
    /// The position in the data file of the batch's row 0.
    var firstPosition: Int64 { get }
}

extension RowBatch {
    /// The position of a row in the data file.
    @inline(__always)
    func position(_ row: Int) -> Int64 { firstPosition &+ Int64(row) }
}

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
struct CountsBatch: RowBatch {
    static let table = ExportTable.counts
    static let timestampID: Int32 = 2
    static let postcode = ColumnSet(fieldID: 1)
    static let timestamp = ColumnSet(fieldID: 2)
    static let count = ColumnSet(fieldID: 3)

    let rows: RowSelection
    let firstPosition: Int64
    /// Postcodes; empty when not wanted, like the others.
    let postcodes: ByteStrings
    /// Starts of windows, microseconds since the Unix epoch.
    let timestamps: [Int64]
    let counts: [Int64]

    init(_ group: RowGroupColumns, _ rows: RowSelection, _ columns: ColumnSet) throws {
        self.rows = rows
        firstPosition = group.firstPosition
        postcodes = try columns.contains(Self.postcode) ? group.bytes(1).values : ByteStrings()
        timestamps = try columns.contains(Self.timestamp) ? group.int64(2).values : []
        counts = try columns.contains(Self.count) ? group.int64(3).values : []
        try rows.check(timestamps, Plausible.microseconds, "timestamp", group)
        try rows.check(counts, Plausible.count, "count", group)
    }

    /// The window's start in seconds since the Unix epoch.
    @inline(__always)
    func windowStart(_ row: Int) -> Int64 { timestamps[row] / 1_000_000 }
}

/// Rows of the raw table.
struct RawBatch: RowBatch {
    static let table = ExportTable.raw
    static let timestampID: Int32 = 4
    static let userID = ColumnSet(fieldID: 1)
    static let postcode = ColumnSet(fieldID: 2)
    static let webpage = ColumnSet(fieldID: 3)
    static let timestamp = ColumnSet(fieldID: 4)
    static let partition = ColumnSet(fieldID: 5)
    static let offset = ColumnSet(fieldID: 6)
    static let late = ColumnSet(fieldID: 7)

    let rows: RowSelection
    let firstPosition: Int64
    private let group: RowGroupColumns
    /// User ids, 0 where there is none; empty when not wanted, like the others.
    let userIDs: [Int64]
    private let userValidity: [Bool]
    let postcodes: ByteStrings
    /// Pages, empty where there is none.
    let webpages: ByteStrings
    private let pageValidity: [Bool]
    /// Event times, microseconds since the Unix epoch.
    let timestamps: [Int64]
    let partitions: [Int32]
    let offsets: [Int64]
    let late: [Bool]

    init(_ group: RowGroupColumns, _ rows: RowSelection, _ columns: ColumnSet) throws {
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
    func userID(_ row: Int) -> Int64? { hasUserID(row) ? userIDs[row] : nil }
    /// Whether the row has a page.
    @inline(__always)
    func hasWebpage(_ row: Int) -> Bool { pageValidity.isEmpty || pageValidity[row] }

    /// The same rows with other columns.
    /// - Throws: `TableReadError`, and what the source throws.
    func reading(_ columns: ColumnSet) throws -> RawBatch {
        try TableReadError.naming(group.file) { try RawBatch(group, rows, columns) }
    }

    /// Calls `body` with the row, partition, offset, time in microseconds and lateness of each selected row.
    @inline(__always)
    func forEachPlace(_ body: (Int, Int32, Int64, Int64, Bool) throws -> Void) rethrows {
        try partitions.withUnsafeBufferPointer { partitions in
            try offsets.withUnsafeBufferPointer { offsets in
                try timestamps.withUnsafeBufferPointer { timestamps in
                    try late.withUnsafeBufferPointer { late in
                        for row in rows { try body(row, partitions[row], offsets[row], timestamps[row], late[row]) }
                    }
                }
            }
        }
    }
}
