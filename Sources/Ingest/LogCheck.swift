// Whether each partition's log still holds the record that was consumed last.
//
// A partition is read again from that record on, at a start and whenever its leader has changed; the first record that comes
// decides: the same one, another one (nothing more of the partition is taken then), or a later one, when the record has
// expired or was compacted, which says nothing. Invariant: a blocked partition stays blocked until its log was forgotten.

import Base
import Kafka
import State

/// The checks of all partitions, by the accumulator's indexes.
struct LogCheck {
    private var marks: [RecordMark?] = []
    private var blocked: [Bool] = []
    /// Partitions whose record is another one, since the last call of `takeForeign`.
    private var foreign: [(partition: PartitionID, offset: KafkaOffset)] = []

    /// Adds the next partition with the record to look for; nil: there is nothing to check.
    mutating func add(_ mark: RecordMark?) {
        marks.append(mark)
        blocked.append(false)
    }

    /// Looks for this record before anything else of the partition is taken.
    mutating func expect(_ mark: RecordMark?, index: Int) { marks[index] = mark }

    /// Takes nothing more of a partition.
    mutating func block(index: Int) { blocked[index] = true }

    /// Takes the partition's log as it is.
    mutating func forget(index: Int) {
        marks[index] = nil
        blocked[index] = false
    }

    /// The record to look for.
    func expected(index: Int) -> RecordMark? { marks[index] }

    /// Nothing is to be checked: every record of the partition is taken.
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
    /// What tells it from others at its offset. Reads all its bytes.
    var mark: RecordMark {
        RecordMark(offset: offset, timestamp: timestamp, leaderEpoch: leaderEpoch, fingerprint: fingerprint)
    }
}
