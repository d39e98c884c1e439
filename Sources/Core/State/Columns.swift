// Numbers with a unit as the tables of the state have them: windows in seconds, watermarks and the largest event times in
// milliseconds, the time of a late event in microseconds; everything else as the bare number.
//
// Invariant: what a file has of a partition or a generation beyond the type's bounds is read as the bound. PlausibleNumbers.swift
// refuses such a file where it matters.

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
