// Evicts exported counts whose windows can no longer receive events.
//
// `MetaKey.evictedBefore` is the bound: counts of windows that start before it are in the table, and in the state only
// when a backfill has returned them. Invariants: the bound never goes back; a window is evicted only when its last
// change was exported and its events can only be late; `MetaKey.evictedEvents` is the sum of the counts that are not in
// the state (the same transaction updates it).

package import Base
import Windowing

/// The result of one step of eviction.
package struct Eviction: Equatable, Sendable {
    /// The number of evicted windows.
    package var windows: Int
    /// Whether no further window can be evicted now.
    package var isDone: Bool
}

/// Evicted windows would receive events again under the given settings.
package struct EvictedWindowsReopened: Error, CustomStringConvertible, Equatable, Sendable {
    /// The state's path.
    package let path: String
    /// The largest allowed lateness that is possible, in milliseconds.
    let longestLateness: Int64

    /// One line: the state, the setting, its bound.
    package var description: String {
        "state \(path) no longer has the counts that --allowed-lateness would add to; give at most \(longestLateness)ms"
    }
}

extension StateView {
    /// Counts of windows that start before this were evicted; the epoch when none were.
    /// - Throws: `SQLiteError`.
    package func evictedBefore() throws -> WindowStart { WindowStart(seconds: try number(.evictedBefore) ?? 0) }

    /// The sum of the evicted counts.
    /// - Throws: `SQLiteError`.
    package func evictedEvents() throws -> Int64 { try number(.evictedEvents) ?? 0 }
}

extension Store {
    /// Adds to the sum of the evicted counts; a negative number for counts that return.
    func addEvicted(events: Int64) throws {
        guard events != 0 else { return }
        try setMeta(.evictedEvents, to: "\(try evictedEvents().addingOrBound(events))")
    }

    /// Checks that events of evicted windows are late under the settings with which the state was opened.
    /// - Throws: `EvictedWindowsReopened`, `SQLiteError`.
    package func checkEvicted() throws {
        let bound = try evictedBefore()
        guard bound > .epoch, let watermark = try progress().watermark else { return }
        guard bound.time + (settings.allowedLatenessMilliseconds - 1) > watermark else { return }
        throw EvictedWindowsReopened(path: path, longestLateness: max(0, watermark.milliseconds(since: bound.time) + 1))
    }

    /// Evicts windows that end at or before min(watermark, now) - retention, whose counts are exported and whose events
    /// can only be late, in one transaction.
    /// - Parameters:
    ///   - retention: in milliseconds.
    ///   - now: the wall clock, in milliseconds since the Unix epoch.
    ///   - limit: the largest number of windows to evict.
    /// - Throws: `SQLiteError` or `StoreError`; nothing was changed then.
    package func evict(retention: Int64, now: Int64, windows limit: Int = 100) throws -> Eviction {
        guard let watermark = try progress().watermark, try intent(of: .counts) == nil else {
            return Eviction(windows: 0, isDone: true)
        }
        let bound = Self.evictionBound(watermark: watermark, now: now, retention: retention, settings)
        let exported = try exportProgress(of: .counts).generation
        let old = try evictedBefore()
        guard bound > .epoch, exported > 0 else { return Eviction(windows: 0, isDone: true) }
        // A window that waits for its export holds back the bound.
        let waiting = bound > old ? try oldestWindow(in: old..<bound, changedSince: exported) : nil
        let new = max(old, min(bound, waiting ?? bound))
        assert(new >= old, "the bound never goes back")
        let leaving = try windows(before: new, unchangedSince: exported, limit: limit)
        guard !leaving.isEmpty else { return Eviction(windows: 0, isDone: true) }
        try transaction {
            if new > old { try setMeta(.evictedBefore, to: "\(new.seconds)") }
            for window in leaving { try addEvicted(events: try removeWindow(window)) }
        }
        return Eviction(windows: leaving.count, isDone: leaving.count < limit)
    }

    /// Windows that start before this may be evicted.
    static func evictionBound(
        watermark: EventTime, now: Int64, retention: Int64, _ settings: WindowSettings
    ) -> WindowStart {
        let past = min(watermark, EventTime(milliseconds: now)) - retention
        let bound = min(past, watermark - settings.allowedLatenessMilliseconds)
        return bound > WindowStart.epoch.time ? settings.windowStart(of: bound) : .epoch
    }
}
