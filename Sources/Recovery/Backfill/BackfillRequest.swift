// The request and the results of a backfill.

package import Base
package import State

/// Which windows to recompute, and how.
package struct BackfillRequest: Sendable {
    /// The starts of the windows; the upper bound is exclusive.
    package var windows: Range<WindowStart>
    /// Only windows with late events that were not backfilled; otherwise all windows in the range.
    package var onlyLate: Bool
    /// Only reports what would change. A store that was opened for reading is sufficient.
    package var isDryRun = false
    /// Number of counts recomputed in one transaction; more where a window has more, because a window is never split.
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

/// The progress of a backfill.
package struct BackfillStep: Sendable {
    /// Number of windows processed so far.
    package var windowsDone: Int
    /// Number of windows in all.
    package var windowsInAll: Int
    /// The outcome of the last chunk.
    package var outcome: BackfillOutcome
}

/// The result of a backfill.
package struct BackfillResult: Sendable {
    /// Number of windows processed.
    package var windows = 0
    /// Number of counts that changed, or would change.
    package var counts = 0
    /// Number of late events added to counts.
    package var events: Int64 = 0
    /// Number of windows that the raw table cannot confirm; they are not changed.
    package var unconfirmed = 0
    /// The first reason for an unconfirmed window.
    package var firstReason: String?
}
