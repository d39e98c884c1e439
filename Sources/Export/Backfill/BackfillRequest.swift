// What a backfill is asked to do and what it answers.

public import Store

/// Which windows to recompute, and how.
public struct BackfillRequest: Sendable {
    /// Starts of windows, seconds since the Unix epoch.
    public var windows: Range<Int64>
    /// Only windows with late events that were not backfilled; else all windows in the range.
    public var onlyLate: Bool
    /// Only says what would change; a store that was opened for reading will do.
    public var isDryRun = false
    /// Counts recomputed in one transaction; a window is never split.
    public var countsPerChunk = 20_000
    /// Number of chunks recomputed in one pass over the raw table; memory is bounded by their counts.
    var chunksPerPass: Int { 13 }

    /// Every window with late events that were not backfilled.
    public init() {
        windows = Int64.min..<Int64.max
        onlyLate = true
    }

    /// All windows that start in a range.
    public init(windows: Range<Int64>) {
        self.windows = windows
        onlyLate = false
    }
}

/// How far a backfill has come.
public struct BackfillStep: Sendable {
    /// Windows looked at.
    public var windowsDone: Int
    /// Windows to look at.
    public var windowsInAll: Int
    /// What became of the latest.
    public var outcome: BackfillOutcome
}

/// What a backfill did.
public struct BackfillResult: Sendable {
    /// Windows looked at.
    public var windows = 0
    /// Counts that changed, or would.
    public var counts = 0
    /// Late events added to counts.
    public var events: Int64 = 0
    /// Windows left as they are.
    public var unconfirmed = 0
    /// One of the reasons why.
    public var firstReason: String?
}
