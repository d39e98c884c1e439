// Counts that leave the state: exported, and older than anybody may still count in.
//
// `MetaKey.evictedBefore` is the bound: counts of windows that start before it are in the table, and in the state only
// when a backfill brought them back. Invariants: the bound never goes back; a window leaves only when its last change was
// exported and its events can only be late; `MetaKey.evictedEvents` is the sum of the counts that are not in the state.

package import Base
import Windowing

/// What one step of eviction did.
package struct Eviction: Equatable, Sendable {
    /// Windows that left the state.
    package var windows: Int
    /// Nothing more is to be done now.
    package var isDone: Bool
}

/// Windows left the state that would be counted in again under these settings.
package struct EvictedWindowsReopened: Error, CustomStringConvertible, Equatable, Sendable {
    /// The state's path.
    package let path: String
    /// The largest allowed lateness that works, in milliseconds.
    let longestLateness: Int64

    /// One line.
    package var description: String {
        "state \(path) no longer has the counts that --allowed-lateness would add to; give at most \(longestLateness)ms"
    }
}

extension StateView {
    /// Counts of windows that start before this left the state; the epoch when none did.
    /// - Throws: `SQLiteError`.
    package func evictedBefore() throws -> WindowStart { WindowStart(seconds: try number(.evictedBefore) ?? 0) }

    /// The sum of the counts that left the state.
    /// - Throws: `SQLiteError`.
    package func evictedEvents() throws -> Int64 { try number(.evictedEvents) ?? 0 }
}

extension Store {
    func addEvicted(events: Int64) throws {
        guard events != 0 else { return }
        try setMeta(.evictedEvents, to: "\(try evictedEvents() + events)")
    }

    /// Makes sure that events of windows that left the state are late under the settings it was opened with.
    /// - Throws: `EvictedWindowsReopened`, `SQLiteError`.
    package func checkEvicted() throws {
        let bound = try evictedBefore()
        guard bound > .epoch, let watermark = try progress().watermark else { return }
        guard bound.time + (settings.allowedLatenessMilliseconds - 1) > watermark else { return }
        throw EvictedWindowsReopened(path: path, longestLateness: max(0, watermark.milliseconds(since: bound.time) + 1))
    }

    /// Removes exported counts whose windows ended before min(watermark, now) - retention, and whose events could only be
    /// late; a limited number at a time, in one transaction.
    /// - Parameters:
    ///   - retention: milliseconds.
    ///   - now: the wall clock, milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`.
    package func evict(retention: Int64, now: Int64, windows limit: Int = 100) throws -> Eviction {
        guard let watermark = try progress().watermark, try intent(of: .counts) == nil else {
            return Eviction(windows: 0, isDone: true)
        }
        let bound = Self.evictionBound(watermark: watermark, now: now, retention: retention, settings)
        let exported = try exportProgress(of: .counts).generation
        let old = try evictedBefore()
        guard bound > .epoch, exported > 0 else { return Eviction(windows: 0, isDone: true) }
        // A window that still waits for its export holds the bound.
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

    /// Windows that start before this may leave.
    static func evictionBound(
        watermark: EventTime, now: Int64, retention: Int64, _ settings: WindowSettings
    ) -> WindowStart {
        let past = min(watermark, EventTime(milliseconds: now)) - retention
        let bound = min(past, watermark - settings.allowedLatenessMilliseconds)
        return bound > WindowStart.epoch.time ? settings.windowStart(of: bound) : .epoch
    }
}
