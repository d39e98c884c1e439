// What a backfill is asked to do and what it answers.

package import Base
package import State

/// Which windows to recompute, and how.
package struct BackfillRequest: Sendable {
    /// Starts of windows.
    package var windows: Range<WindowStart>
    /// Only windows with late events that were not backfilled; else all windows in the range.
    package var onlyLate: Bool
    /// Only says what would change; a store that was opened for reading will do.
    package var isDryRun = false
    /// Counts recomputed in one transaction; a window is never split.
    package var countsPerChunk = 20_000
    /// Number of chunks recomputed in one pass over the raw table; memory is bounded by their counts.
    var chunksPerPass: Int { 13 }

    /// Every window with late events that were not backfilled.
    package init() {
        windows = WindowStart.first..<WindowStart.last
        onlyLate = true
    }

    /// All windows that start in a range.
    package init(windows: Range<WindowStart>) {
        self.windows = windows
        onlyLate = false
    }
}

/// How far a backfill has come.
package struct BackfillStep: Sendable {
    /// Windows looked at.
    package var windowsDone: Int
    /// Windows to look at.
    package var windowsInAll: Int
    /// What became of the latest.
    package var outcome: BackfillOutcome
}

/// What a backfill did.
package struct BackfillResult: Sendable {
    /// Windows looked at.
    package var windows = 0
    /// Counts that changed, or would.
    package var counts = 0
    /// Late events added to counts.
    package var events: Int64 = 0
    /// Windows left as they are.
    package var unconfirmed = 0
    /// One of the reasons why.
    package var firstReason: String?
}
