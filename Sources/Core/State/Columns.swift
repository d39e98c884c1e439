// Conversions between the types of units and the columns of the state: window starts in seconds, watermarks and largest
// event times in milliseconds, the times of late events in microseconds, everything else as the bare number.
//
// A partition or generation outside its type's bounds is read as the nearest bound. PlausibleNumbers.swift lists the columns
// that were checked when the file was opened; arithmetic on the others saturates.

import Base
import SQLite

extension Statement {
    /// A column with the start of a window.
    func window(_ column: Int) -> WindowStart { WindowStart(seconds: int64(column)) }

    /// A column with the number of a partition.
    func partition(_ column: Int) -> PartitionID { PartitionID(clamping: int64(column)) }

    /// A column with an offset.
    func offset(_ column: Int) -> KafkaOffset { KafkaOffset(rawValue: int64(column)) }

    /// A column with an offset, or NULL.
    func optionalOffset(_ column: Int) -> KafkaOffset? { optionalInt64(column).map(KafkaOffset.init(rawValue:)) }

    /// A column with a generation.
    func generation(_ column: Int) -> Generation { Generation(clamping: int64(column)) }

    /// A column with a time in milliseconds, or NULL.
    func optionalTime(_ column: Int) -> EventTime? { optionalInt64(column).map(EventTime.init(milliseconds:)) }
}
