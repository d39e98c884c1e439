// The arithmetic of one count (docs/adr/0010); pure.

/// The late events of one count.
struct LateSum: Equatable {
    /// Those that the raw table must have.
    package var below: Int64 = 0
    /// Those that it cannot have yet.
    package var above: Int64 = 0
    /// Those that are in the count already.
    package var backfilled: Int64 = 0
}

/// The arithmetic of one count (docs/adr/0010).
struct BackfillSum {
    package let key: BackfillKey
    package let late: LateSum
    /// The count in the state; nil when it has none.
    package let stored: Int64?
    /// The raw table must have every event that was counted.
    package let isCovered: Bool

    /// The count as it is, in the state or in the table.
    package var old: Int64 { stored ?? key.tableRows.first?.count ?? 0 }
    /// Events counted when they came.
    private var counted: Int64 { old - late.backfilled }
    /// Counted events that the raw table does not have yet.
    private var unexported: Int64 { counted - key.rawCounted }
    /// What the tables hold below the bounds and the state above them.
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
