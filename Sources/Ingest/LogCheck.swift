// Checks that each partition's log still has the record that was consumed last.
//
// At a start and after a leader change, the partition is read from that record on, and the first record received
// decides. The same record passes the check. Another record blocks the partition. A later record also passes: the
// expected one has expired or was compacted. Invariant: only `forget` unblocks a partition.

import Base
import Kafka
import State

/// The checks of all partitions, by the accumulator's indexes.
struct LogCheck {
    private var marks: [RecordMark?] = []
    private var blocked: [Bool] = []
    /// Partitions that were found to have another record since the last call of `takeForeign`.
    private var foreign: [(partition: PartitionID, offset: KafkaOffset)] = []

    /// Adds the next partition with the record to check; nil for none.
    mutating func add(_ mark: RecordMark?) {
        marks.append(mark)
        blocked.append(false)
    }

    /// Checks this record before any other record of the partition is taken; nil for no check.
    mutating func expect(_ mark: RecordMark?, index: Int) { marks[index] = mark }

    /// Ignores the partition's records until `forget`.
    mutating func block(index: Int) { blocked[index] = true }

    /// Accepts the partition's log: ends the check and unblocks the partition.
    mutating func forget(index: Int) {
        marks[index] = nil
        blocked[index] = false
    }

    /// The record to check; nil for none.
    func expected(index: Int) -> RecordMark? { marks[index] }

    /// No check is open and the partition is not blocked: every record is taken.
    @inline(__always)
    func isOver(index: Int) -> Bool { marks[index] == nil && !blocked[index] }

    func isBlocked(index: Int) -> Bool { blocked[index] }

    /// Whether a record may be taken.
    mutating func admits(_ record: Record, index: Int) -> Bool {
        guard !blocked[index] else { return false }
        guard let mark = marks[index], record.offset >= mark.offset else { return true }
        marks[index] = nil
        guard record.offset > mark.offset || record.mark.isSame(as: mark) else {
            blocked[index] = true
            foreign.append((record.partition, mark.offset))
            return false
        }
        return true
    }

    mutating func takeForeign() -> [(partition: PartitionID, offset: KafkaOffset)] {
        defer { foreign = [] }
        return foreign
    }
}

extension Record {
    /// Identifies the record among others at its offset. Reads all its bytes.
    var mark: RecordMark {
        RecordMark(offset: offset, timestamp: timestamp, leaderEpoch: leaderEpoch, fingerprint: fingerprint)
    }
}
