// Adds late events to the counts of their windows.
//
// A count is the number of counted events plus the number of late events marked as backfilled. One transaction adds and
// marks a late event, so the event is in its count exactly once however often a backfill runs (docs/adr/0010).
//
// Invariants: a window changes only when the tables and the state agree about all its counts (`judge`); an evicted
// count returns with the location of its exported row, so that the next export replaces that row (`apply`).

package import Base
import SQLite

extension Store {
    /// The bounds up to which a backfill may read the raw table now.
    /// - Throws: `SQLiteError`.
    package func backfillBounds() throws -> BackfillBounds {
        var bounds = BackfillBounds(offsets: try exportProgress(of: .raw).offsets, coveredGeneration: nil)
        for partition in try partitions() {
            if let end = bounds.offsets[partition.partition] {
                bounds.offsets[partition.partition] = min(end, partition.nextOffset)
            }
        }
        let counts = try exportProgress(of: .counts)
        if counts.offsets.allSatisfy({ $0.value <= bounds.offsets[$0.key] ?? 0 }) {
            bounds.coveredGeneration = counts.generation
        }
        return bounds
    }

    /// The number of late events that are in the counts, evicted counts included.
    /// - Throws: `SQLiteError`.
    package func backfilledEvents() throws -> Int64 { try number(.backfilledEvents) ?? 0 }

    /// The SQL that selects the counts to recompute; ?1 and ?2 are the range of window starts.
    private func backfillFilter(onlyLate: Bool) -> String {
        let late = "FROM late WHERE window_start >= ?1 AND window_start < ?2"
        if onlyLate { return "\(late) AND backfilled_at_ms IS NULL" }
        return "\(late) UNION SELECT window_start, postcode FROM counts WHERE window_start >= ?1 AND window_start < ?2"
    }

    /// The number of windows to recompute.
    /// - Parameters:
    ///   - range: the starts of the windows.
    ///   - onlyLate: only windows with late events that were not backfilled; otherwise all with counts or late events.
    /// - Throws: `SQLiteError`.
    package func backfillWindowCount(in range: Range<WindowStart>, onlyLate: Bool) throws -> Int {
        let count = try connection.number(
            """
            SELECT count(DISTINCT window_start) FROM (SELECT window_start, postcode \(backfillFilter(onlyLate: onlyLate)))
            """, range.lowerBound.seconds, range.upperBound.seconds)
        return Int(count)
    }

    /// The next counts to recompute: whole windows, ascending, until there are at least `limit` counts.
    /// - Throws: `SQLiteError`.
    package func backfillKeys(in range: Range<WindowStart>, onlyLate: Bool, limit: Int) throws -> [BackfillKey] {
        let evictedBefore = try evictedBefore()
        let statements = try BackfillStatements(connection)
        let rows = try connection.prepare(
            """
            SELECT DISTINCT window_start, postcode \(backfillFilter(onlyLate: onlyLate)) ORDER BY window_start, postcode
            """)
        try rows.restart(range.lowerBound.seconds, range.upperBound.seconds)
        var keys: [BackfillKey] = []
        while try rows.step() {
            let start = rows.window(0)
            if keys.count >= limit, keys.last?.windowStart != start { break }
            var key = BackfillKey(windowStart: start, postcode: rows.string(1), isEvicted: false)
            if start < evictedBefore { key.isEvicted = try statements.count(key) == nil }
            keys.append(key)
        }
        return keys
    }

    /// Adds the late events of a chunk to their counts and marks them, in one transaction.
    /// - Parameter now: the wall clock, in milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError` or `StoreError`; nothing was changed then.
    package func backfill(_ chunk: BackfillChunk, now: Int64) throws -> BackfillOutcome {
        let next = generation.next
        var outcome = BackfillOutcome()
        try transaction {
            let statements = try BackfillStatements(connection)
            let changed = try judge(chunk, statements, &outcome)
            guard !changed.isEmpty else { return }
            for count in changed { try apply(count, chunk, statements, generation: next, now: now) }
            let events = changed.reduce(0) { $0 + $1.change.new - $1.change.old }
            try setMeta(.backfilledEvents, to: "\(try backfilledEvents() + events)")
            try connection.run("UPDATE progress SET generation = ?1", next.rawValue)
        }
        if !outcome.changes.isEmpty { generation = next }
        return outcome
    }

    /// The outcome that `backfill` would have; changes nothing.
    /// - Throws: `SQLiteError`.
    package func tryBackfill(_ chunk: BackfillChunk) throws -> BackfillOutcome {
        var outcome = BackfillOutcome()
        _ = try judge(chunk, try BackfillStatements(connection), &outcome)
        return outcome
    }

    private typealias Changed = (key: BackfillKey, change: BackfillChange, wasStored: Bool)

    /// Decides about all windows of a chunk.
    /// - Returns: the counts that change.
    private func judge(
        _ chunk: BackfillChunk, _ statements: BackfillStatements, _ outcome: inout BackfillOutcome
    ) throws -> [Changed] {
        var changed: [Changed] = []
        var first = 0
        while first < chunk.keys.count {
            let start = chunk.keys[first].windowStart
            assert(first == 0 || chunk.keys[first - 1].windowStart < start, "a chunk has whole windows, ascending")
            var end = first + 1
            while end < chunk.keys.count, chunk.keys[end].windowStart == start { end += 1 }
            try judge(chunk.keys[first..<end], of: start, chunk, statements, &changed, &outcome)
            first = end
        }
        statements.finishReading()
        outcome.changes = changed.map(\.change)
        return changed
    }

    /// Decides about all counts of a window. One count that cannot be confirmed leaves the whole window unchanged.
    private func judge(
        _ keys: ArraySlice<BackfillKey>, of start: WindowStart, _ chunk: BackfillChunk,
        _ statements: BackfillStatements,
        _ changed: inout [Changed], _ outcome: inout BackfillOutcome
    ) throws {
        if let reason = chunk.unreadable[start] {
            outcome.unconfirmed.append((start, reason))
            return
        }
        let isCovered = try chunk.bounds.coveredGeneration.map { covered in
            try statements.generation(of: start).map { $0 <= covered } ?? false
        }
        var found: [Changed] = []
        for key in keys {
            let late = try statements.late(key, bounds: chunk.bounds.offsets)
            let sum = BackfillSum(
                key: key, late: late, stored: try statements.count(key), isCovered: isCovered ?? false)
            if let reason = sum.doubt {
                outcome.unconfirmed.append((start, reason))
                return
            }
            guard sum.new != sum.old else { continue }
            let change = BackfillChange(windowStart: start, postcode: key.postcode, old: sum.old, new: sum.new)
            found.append((key, change, sum.stored != nil))
        }
        changed += found
    }

    private func apply(
        _ changed: Changed, _ chunk: BackfillChunk, _ statements: BackfillStatements, generation: Generation, now: Int64
    ) throws {
        let key = changed.key
        assert(changed.wasStored || key.tableRows.count <= 1, "an evicted count has at most one exported row")
        try writeWindow(key.windowStart, generation: generation)
        try statements.set(changed.change, generation: generation)
        try statements.mark(key, snapshotID: chunk.snapshotID, now: now)
        guard !changed.wasStored, let row = key.tableRows.first else { return }
        let place = RowLocation(
            windowStart: key.windowStart, postcode: key.postcode, fileID: try fileID(ofPath: row.path),
            position: row.position, count: row.count)
        try statements.locate(place)
        try addEvicted(events: -row.count)
    }
}
