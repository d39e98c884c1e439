// Counts raw rows for a given set of keys: the inner loop of a backfill.

import Base
import Tables
import TableScan
import Parquet

/// Counts rows of the raw table below given offsets: rows in time in the first counter of their key, late rows in the
/// second.
struct RawCounter {
    /// The keys. Rows of other keys are ignored.
    package let table: KeyTable
    /// The end (exclusive) of the offsets to count, by partition number; 0 for a partition without one.
    package let ends: [KafkaOffset]
    /// Window length in seconds.
    package let windowSeconds: Int64

    /// The columns that a counter reads.
    package static let columns: ColumnSet = [
        RawBatch.postcode, RawBatch.timestamp, RawBatch.partition, RawBatch.offset, RawBatch.late,
    ]

    /// - Parameter bounds: the end (exclusive) of the offsets to count, by partition.
    package init(table: KeyTable, bounds: [PartitionID: KafkaOffset], windowSeconds: Int64) {
        self.table = table
        self.windowSeconds = windowSeconds
        // Kafka's partition numbers are small. Rows of a larger one are not counted, and the check of sums finds that.
        let most = min(bounds.keys.max()?.rawValue ?? -1, 1 << 20)
        ends = most < 0 ? [] : (0...most).map { bounds[PartitionID(rawValue: $0)] ?? 0 }
    }

    /// Counts the rows of a batch.
    package func take(_ batch: RawBatch) {
        let numbers = table.postcodes.numbers(of: batch.postcodes, adding: false)
        let entries = batch.postcodes.entries
        var clock = WindowClock(windowSeconds)
        numbers.withUnsafeBufferPointer { numbers in
            entries.withUnsafeBufferPointer { entries in
                batch.forEachPlace { row, partition, offset, time, isLate in
                    let postcode = numbers[entries.isEmpty ? row : Int(entries[row])]
                    let number = Int(partition.rawValue)
                    guard postcode >= 0, number < ends.count, number >= 0, offset < ends[number] else { return }
                    let index = table.find(window: clock.window(of: time), postcode: postcode)
                    guard index >= 0 else { return }
                    table.add(first: isLate ? 0 : 1, second: isLate ? 1 : 0, at: index)
                }
            }
        }
    }
}

/// Finds the windows of event times. It caches the last window, because neighbouring times mostly share one.
struct WindowClock {
    private let seconds: Int64
    private let length: UInt64
    /// The start of the last window, in microseconds since the Unix epoch.
    private var start: Int64 = 0

    /// - Parameter windowSeconds: the window length in seconds.
    package init(_ windowSeconds: Int64) {
        seconds = max(1, windowSeconds)
        length = UInt64(seconds) * 1_000_000
    }

    /// The start of the window that contains a time.
    @inline(__always)
    package mutating func window(of moment: EventTime) -> WindowStart {
        let time = moment.rawValue
        if UInt64(bitPattern: time &- start) >= length || time < start {
            let whole = time / 1_000_000
            start = (whole - whole % seconds) * 1_000_000
        }
        return WindowStart(rawValue: start)
    }
}
