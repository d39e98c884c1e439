// The input and the outcome of a backfill.

package import Base

/// A live row of the counts table.
package struct TableRow: Equatable, Sendable {
    /// The location of its data file.
    package let path: String
    /// Its position in the file, from 0.
    package let position: Int64
    /// The count in the row.
    package let count: Int64

    /// A row from its parts.
    package init(path: String, position: Int64, count: Int64) {
        self.path = path
        self.position = position
        self.count = count
    }
}

/// One count to recompute, with what the tables contain for it.
package struct BackfillKey: Equatable, Sendable {
    /// The window's start.
    package let windowStart: WindowStart
    /// The postcode.
    package let postcode: String
    /// Whether the count is not in the state because its window was evicted.
    package internal(set) var isEvicted: Bool
    /// Rows of the raw table below the bounds whose events were counted when they arrived.
    package var rawCounted: Int64 = 0
    /// Rows of the raw table below the bounds whose events were late when they arrived.
    package var rawLate: Int64 = 0
    /// An evicted count's rows in the counts table: one, or none where the count never existed.
    package var tableRows: [TableRow] = []
}

/// The bounds up to which a backfill reads the raw table.
package struct BackfillBounds: Equatable, Sendable {
    /// The end (exclusive) of the offsets that are both exported and counted, by partition.
    package var offsets: [PartitionID: KafkaOffset]
    /// Windows unchanged since this generation have all their events below `offsets`; nil when no such generation is
    /// known.
    var coveredGeneration: Generation?
}

/// Counts to change together.
package struct BackfillChunk: Sendable {
    /// Whole windows, ascending.
    package var keys: [BackfillKey]
    /// The bounds up to which the raw rows were read.
    package var bounds: BackfillBounds
    /// The snapshot of the raw table; nil when there is none.
    package var snapshotID: Int64?
    /// Windows with rows that could not be read, with the reasons.
    package var unreadable: [WindowStart: String] = [:]

    /// A chunk before its rows were read.
    package init(keys: [BackfillKey], bounds: BackfillBounds, snapshotID: Int64?) {
        self.keys = keys
        self.bounds = bounds
        self.snapshotID = snapshotID
    }
}

extension BackfillChunk {
    /// The chunk in parts of at least `limit` keys, the last one excepted. A window is never split.
    package func parts(of limit: Int) -> [BackfillChunk] {
        var parts: [BackfillChunk] = []
        var first = 0
        while first < keys.count {
            var end = min(keys.count, first + max(1, limit))
            while end < keys.count, keys[end].windowStart == keys[end - 1].windowStart { end += 1 }
            var part = self
            part.keys = Array(keys[first..<end])
            parts.append(part)
            first = end
        }
        return parts
    }

    /// The number of windows of the keys.
    package var windowCount: Int {
        var count = 0
        var last: WindowStart?
        for key in keys where key.windowStart != last {
            last = key.windowStart
            count += 1
        }
        return count
    }
}

/// A count that changes.
package struct BackfillChange: Equatable, Sendable {
    /// The window's start.
    package let windowStart: WindowStart
    /// The postcode.
    package let postcode: String
    /// The count before.
    package let old: Int64
    /// The count after.
    package let new: Int64
}

/// The outcome of a chunk.
package struct BackfillOutcome: Sendable {
    /// The counts that changed, or would change.
    package var changes: [BackfillChange] = []
    /// Windows left unchanged, ascending, with the reasons.
    package var unconfirmed: [(windowStart: WindowStart, reason: String)] = []

    /// An outcome without changes.
    package init() {}
}
