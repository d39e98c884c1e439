// The arithmetic of one count in a backfill (docs/adr/0010), without I/O.

/// The late events of one count.
struct LateSum: Equatable {
    /// Events that the raw table must have.
    package var below: Int64 = 0
    /// Events that the raw table need not have yet.
    package var above: Int64 = 0
    /// Events that are already in the count.
    package var backfilled: Int64 = 0
}

/// One count: its value now, its value after a backfill, and whether the raw table confirms it.
struct BackfillSum {
    package let key: BackfillKey
    package let late: LateSum
    /// The count in the state; nil when it has none.
    package let stored: Int64?
    /// Whether the raw table must have every event that was counted.
    package let isCovered: Bool

    /// The present count, from the state or the counts table.
    package var old: Int64 { stored ?? key.tableRows.first?.count ?? 0 }
    /// Events that were counted when they arrived.
    private var counted: Int64 { old - late.backfilled }
    /// Counted events that the raw table does not have yet.
    private var unexported: Int64 { counted - key.rawCounted }
    /// The new count: events in the raw table below the bounds, and events of the state above them.
    package var new: Int64 { key.rawCounted + key.rawLate + unexported + late.above }

    /// Why the raw table cannot confirm the count; nil when it can.
    package var doubt: String? {
        let name = "postcode \(key.postcode)"
        if stored == nil, key.tableRows.count > 1 {
            return "\(name) has \(key.tableRows.count) rows in the table of counts"
        }
        if key.rawLate != late.below {
            return "\(name): the raw table has \(key.rawLate) of the \(late.below) late events it should have"
        }
        let mustBeEqual = isCovered || (stored == nil && key.isEvicted)
        if unexported < 0 || (mustBeEqual && unexported > 0) {
            return "\(name): the raw table has \(key.rawCounted) of the \(counted) events that were counted"
        }
        return nil
    }
}
