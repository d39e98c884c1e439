// What a restore learns of one partition from the raw rows.

/// One partition while it is restored.
final class RestoredPartition {
    let number: Int32
    /// The offsets that have a raw row.
    let seen = OffsetSet()
    var counted: Int64 = 0
    var late: Int64 = 0
    var least = Int64.max
    var end: Int64 = 0
    /// Milliseconds since the Unix epoch.
    var maxEventTime: Int64?
    /// The end of the offsets that the covered snapshot of the counts table has.
    let coveredEnd: Int64

    init(_ number: Int32, coveredEnd: Int64) {
        self.number = number
        self.coveredEnd = coveredEnd
    }
}
