// Counts raw rows by key, for keys that are known before. This is the inner loop of a backfill.

import Base
import Tables
import TableScan
import Parquet

/// Counts rows of the raw table below some offsets: those that were counted as the first counter of their key, those
/// that were late as the second.
struct RawCounter {
    /// The keys; rows of others are passed over.
    package let table: KeyTable
    /// The end of the offsets that are counted, by partition; 0 where there is none.
    package let ends: [KafkaOffset]
    /// Window length in seconds.
    package let windowSeconds: Int64

    /// The columns that it needs.
    package static let columns: ColumnSet = [
        RawBatch.postcode, RawBatch.timestamp, RawBatch.partition, RawBatch.offset, RawBatch.late,
    ]

    /// - Parameter bounds: the end of the offsets that are counted, by partition.
    package init(table: KeyTable, bounds: [PartitionID: KafkaOffset], windowSeconds: Int64) {
        self.table = table
        self.windowSeconds = windowSeconds
        // Partition numbers of Kafka are small; one that is not is left to the check of sums.
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

/// The window of one moment after another; neighbours mostly share one.
struct WindowClock {
    private let seconds: Int64
    private let length: UInt64
    /// The start of the last window, in the unit of times.
    private var start: Int64 = 0

    /// - Parameter windowSeconds: the windows' length.
    package init(_ windowSeconds: Int64) {
        seconds = max(1, windowSeconds)
        length = UInt64(seconds) * 1_000_000
    }

    /// The start of the window that a time lies in.
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
