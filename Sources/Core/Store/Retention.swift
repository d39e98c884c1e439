// Counts that leave the state: exported, and older than anybody may still count in.
//
// `evicted_before_s` in `meta` is the bound: counts of windows that start before it are in the table, and in the state only
// when a backfill brought them back. Invariants: the bound never goes back; a window leaves only when its last change was
// exported and its events can only be late; `evicted_events` is the sum of the counts that are not in the state.

import SQLite
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
    package let longestLateness: Int64

    /// One line.
    package var description: String {
        "state \(path) no longer has the counts that --allowed-lateness would add to; give at most \(longestLateness)ms"
    }
}

extension Store {
    /// Counts of windows that start before this (seconds since the Unix epoch) left the state; 0 when none did.
    /// - Throws: `SQLiteError`.
    package func evictedBefore() throws -> Int64 { try meta("evicted_before_s").flatMap { Int64($0) } ?? 0 }

    /// The sum of the counts that left the state.
    /// - Throws: `SQLiteError`.
    package func evictedEvents() throws -> Int64 { try meta("evicted_events").flatMap { Int64($0) } ?? 0 }

    func addEvicted(events: Int64) throws {
        guard events != 0 else { return }
        try setMeta("evicted_events", to: "\(try evictedEvents() + events)")
    }

    /// Makes sure that events of windows that left the state are late under the settings it was opened with.
    /// - Throws: `EvictedWindowsReopened`, `SQLiteError`.
    package func checkEvicted() throws {
        let bound = try evictedBefore() * 1000
        guard bound > 0, let watermark = try progress().watermark else { return }
        guard bound - 1 + settings.allowedLatenessMilliseconds > watermark else { return }
        throw EvictedWindowsReopened(path: path, longestLateness: max(0, watermark - bound + 1))
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
        guard bound > 0, exported > 0 else { return Eviction(windows: 0, isDone: true) }
        // A window that still waits for its export holds the bound.
        let waiting = try connection.integer(
            """
            SELECT min(window_start) FROM windows
            WHERE window_start >= \(old) AND window_start < \(bound) AND generation > \(exported)
            """)
        let new = max(old, min(bound, waiting ?? bound))
        let leaving = try evictable(before: new, exported: exported, limit: limit)
        guard !leaving.isEmpty else { return Eviction(windows: 0, isDone: true) }
        try transaction {
            if new > old { try setMeta("evicted_before_s", to: "\(new)") }
            for window in leaving { try remove(window) }
        }
        return Eviction(windows: leaving.count, isDone: leaving.count < limit)
    }

    /// Windows that start before this (seconds) may leave.
    static func evictionBound(watermark: Int64, now: Int64, retention: Int64, _ settings: WindowSettings) -> Int64 {
        let bound = min(min(watermark, now) - retention, watermark - settings.allowedLatenessMilliseconds)
        return bound > 0 ? settings.windowStart(of: bound) / 1000 : 0
    }

    private func evictable(before bound: Int64, exported: Int64, limit: Int) throws -> [Int64] {
        let rows = try connection.prepare(
            "SELECT window_start FROM windows WHERE window_start < ?1 AND generation <= ?2 ORDER BY window_start LIMIT ?3"
        )
        try rows.bind(bound, at: 1)
        try rows.bind(exported, at: 2)
        try rows.bind(Int64(limit), at: 3)
        var windows: [Int64] = []
        while try rows.step() { windows.append(rows.int64(0)) }
        return windows
    }

    private func remove(_ window: Int64) throws {
        let events = try connection.integer("SELECT sum(count) FROM counts WHERE window_start = \(window)") ?? 0
        try addEvicted(events: events)
        for table in ["counts", "exported", "windows"] {
            try connection.execute("DELETE FROM \(table) WHERE window_start = \(window)")
        }
    }
}
