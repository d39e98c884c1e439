// What a backfill reads and what it answers.

package import Base

/// A live row of the counts table.
package struct TableRow: Equatable, Sendable {
    /// Its data file.
    package let path: String
    /// Its position there, from 0.
    package let position: Int64
    /// Its count.
    package let count: Int64

    /// A row.
    package init(path: String, position: Int64, count: Int64) {
        self.path = path
        self.position = position
        self.count = count
    }
}

/// One count to recompute, and what the tables say of it.
package struct BackfillKey: Equatable, Sendable {
    /// The window's start.
    package let windowStart: WindowStart
    /// The postcode.
    package let postcode: String
    /// The count is not in the state, because its window left it.
    package internal(set) var isEvicted: Bool
    /// Rows of the raw table below the bounds that were counted when they came.
    package var rawCounted: Int64 = 0
    /// Rows of the raw table below the bounds that were late when they came.
    package var rawLate: Int64 = 0
    /// Of an evicted count: its rows in the counts table; one, or none for a count that never was.
    package var tableRows: [TableRow] = []
}

/// Up to where raw rows are taken from the table.
package struct BackfillBounds: Equatable, Sendable {
    /// The end of the offsets (exclusive), by partition: exported and counted.
    package var offsets: [PartitionID: KafkaOffset]
    /// Windows that did not change after this generation have all their events below `offsets`; nil: none is known to.
    var coveredGeneration: Generation?
}

/// Counts to change together.
package struct BackfillChunk: Sendable {
    /// Whole windows, ascending.
    package var keys: [BackfillKey]
    /// Up to where their raw rows were read.
    package var bounds: BackfillBounds
    /// The snapshot of the raw table; nil when there is none.
    package var snapshotID: Int64?
    /// Windows of which something could not be read, and why.
    package var unreadable: [WindowStart: String] = [:]

    /// A chunk of which nothing was read yet.
    package init(keys: [BackfillKey], bounds: BackfillBounds, snapshotID: Int64?) {
        self.keys = keys
        self.bounds = bounds
        self.snapshotID = snapshotID
    }
}

extension BackfillChunk {
    /// The same in parts of about `limit` keys; a window is never split.
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

    /// How many windows the keys are of.
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

/// What became of a chunk.
package struct BackfillOutcome: Sendable {
    /// The counts that changed, or would.
    package var changes: [BackfillChange] = []
    /// Windows left as they are, ascending, and why.
    package var unconfirmed: [(windowStart: WindowStart, reason: String)] = []

    /// Nothing changed.
    package init() {}
}
