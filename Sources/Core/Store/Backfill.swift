// Late events added to the counts they came too late for.
//
// What a count is: counted events + late events marked as backfilled. A late event is added and marked in one transaction, so
// it is in its count exactly once however often this runs (docs/adr/0010). Invariants: a window is changed only when what the
// tables say of it agrees with what the state says; a count that left the state comes back with the place of its exported
// row, so that the next export replaces that row.

internal import SQLite

extension Schema {
    /// Version 2: which snapshot a late event was backfilled from, and ways to find late events by window.
    static let backfillTables = """
        ALTER TABLE late ADD COLUMN backfill_snapshot_id INTEGER;
        CREATE INDEX late_by_window ON late (window_start, postcode);
        CREATE INDEX late_to_backfill ON late (window_start, postcode) WHERE backfilled_at_ms IS NULL;

        """
}

/// A live row of the counts table.
public struct TableRow: Equatable, Sendable {
    /// Its data file.
    public let path: String
    /// Its position there, from 0.
    public let position: Int64
    /// Its count.
    public let count: Int64

    /// A row.
    public init(path: String, position: Int64, count: Int64) {
        self.path = path
        self.position = position
        self.count = count
    }
}

/// One count to recompute, and what the tables say of it.
public struct BackfillKey: Equatable, Sendable {
    /// The window's start, seconds since the Unix epoch.
    public let windowStart: Int64
    /// The postcode.
    public let postcode: String
    /// The count is not in the state, because its window left it.
    public internal(set) var isEvicted: Bool
    /// Rows of the raw table below the bounds that were counted when they came.
    public var rawCounted: Int64 = 0
    /// Rows of the raw table below the bounds that were late when they came.
    public var rawLate: Int64 = 0
    /// Of an evicted count: its rows in the counts table; one, or none for a count that never was.
    public var tableRows: [TableRow] = []
}

/// Up to where raw rows are taken from the table.
public struct BackfillBounds: Equatable, Sendable {
    /// The end of the offsets (exclusive), by partition: exported and counted.
    public var offsets: [Int32: Int64]
    /// Windows that did not change after this generation have all their events below `offsets`; nil: none is known to.
    public var coveredGeneration: Int64?
}

/// Counts to change together.
public struct BackfillChunk: Sendable {
    /// Whole windows, ascending.
    public var keys: [BackfillKey]
    /// Up to where their raw rows were read.
    public var bounds: BackfillBounds
    /// The snapshot of the raw table; nil when there is none.
    public var snapshotID: Int64?
    /// Windows of which something could not be read, and why.
    public var unreadable: [Int64: String] = [:]

    /// A chunk of which nothing was read yet.
    public init(keys: [BackfillKey], bounds: BackfillBounds, snapshotID: Int64?) {
        self.keys = keys
        self.bounds = bounds
        self.snapshotID = snapshotID
    }
}

/// A count that changes.
public struct BackfillChange: Equatable, Sendable {
    /// The window's start, seconds since the Unix epoch.
    public let windowStart: Int64
    /// The postcode.
    public let postcode: String
    /// The count before.
    public let old: Int64
    /// The count after.
    public let new: Int64
}

/// What became of a chunk.
public struct BackfillOutcome: Sendable {
    /// The counts that changed, or would.
    public var changes: [BackfillChange] = []
    /// Windows left as they are, ascending, and why.
    public var unvouched: [(windowStart: Int64, reason: String)] = []
}

extension Store {
    /// Up to where the raw table may be used now.
    /// - Throws: `SQLiteError`.
    public func backfillBounds() throws -> BackfillBounds {
        var bounds = BackfillBounds(offsets: try exportProgress(of: .raw).offsets, coveredGeneration: nil)
        for partition in try progress().partitions {
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

    /// The number of late events that are in the counts, those that left the state included.
    /// - Throws: `SQLiteError`.
    public func backfilledEvents() throws -> Int64 { try meta("backfilled_events").flatMap { Int64($0) } ?? 0 }

    /// Which windows are to be recomputed.
    private func backfillFilter(onlyLate: Bool) -> String {
        let late = "FROM late WHERE window_start >= ?1 AND window_start < ?2"
        if onlyLate { return "\(late) AND backfilled_at_ms IS NULL" }
        return "\(late) UNION SELECT window_start, postcode FROM counts WHERE window_start >= ?1 AND window_start < ?2"
    }

    /// The number of windows to recompute.
    /// - Parameters:
    ///   - range: starts of windows, seconds since the Unix epoch.
    ///   - onlyLate: those with late events that were not backfilled; else every window that has counts or late events.
    /// - Throws: `SQLiteError`.
    public func backfillWindowCount(in range: Range<Int64>, onlyLate: Bool) throws -> Int {
        let row = try connection.prepare(
            """
            SELECT count(DISTINCT window_start) FROM (SELECT window_start, postcode \(backfillFilter(onlyLate: onlyLate)))
            """)
        try row.bind(range.lowerBound, at: 1)
        try row.bind(range.upperBound, at: 2)
        return try row.step() ? Int(row.int64(0)) : 0
    }

    /// The next counts to recompute: whole windows, ascending, until there are `limit` counts.
    /// - Throws: `SQLiteError`.
    public func backfillKeys(in range: Range<Int64>, onlyLate: Bool, limit: Int) throws -> [BackfillKey] {
        let evictedBefore = try evictedBefore()
        let statements = try BackfillStatements(connection)
        let rows = try connection.prepare(
            """
            SELECT DISTINCT window_start, postcode \(backfillFilter(onlyLate: onlyLate)) ORDER BY window_start, postcode
            """)
        try rows.bind(range.lowerBound, at: 1)
        try rows.bind(range.upperBound, at: 2)
        var keys: [BackfillKey] = []
        while try rows.step() {
            let start = rows.int64(0)
            if keys.count >= limit, keys.last?.windowStart != start { break }
            var key = BackfillKey(windowStart: start, postcode: rows.string(1), isEvicted: false)
            if start < evictedBefore { key.isEvicted = try statements.count(key) == nil }
            keys.append(key)
        }
        return keys
    }

    /// Adds the late events of a chunk to their counts and marks them, as one transaction.
    /// - Parameters:
    ///   - isDryRun: only says what would change.
    ///   - now: the wall clock, milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`; nothing was changed then.
    public func backfill(_ chunk: BackfillChunk, isDryRun: Bool, now: Int64) throws -> BackfillOutcome {
        let next = generation + 1
        var outcome = BackfillOutcome()
        try connection.transaction {
            let statements = try BackfillStatements(connection)
            var changed: [(key: BackfillKey, change: BackfillChange)] = []
            var first = 0
            while first < chunk.keys.count {
                let start = chunk.keys[first].windowStart
                var end = first + 1
                while end < chunk.keys.count, chunk.keys[end].windowStart == start { end += 1 }
                try judge(chunk.keys[first..<end], of: start, chunk, statements, &changed, &outcome)
                first = end
            }
            outcome.changes = changed.map(\.change)
            guard !isDryRun, !changed.isEmpty else { return }
            for (key, change) in changed {
                try apply(change, of: key, chunk, statements, generation: next, now: now)
            }
            let events = changed.reduce(0) { $0 + $1.change.new - $1.change.old }
            try setMeta("backfilled_events", to: "\(try backfilledEvents() + events)")
            try connection.execute("UPDATE progress SET generation = \(next)")
        }
        if !isDryRun, !outcome.changes.isEmpty { generation = next }
        return outcome
    }

    /// Looks at all counts of a window; one that does not agree keeps the whole window as it is.
    private func judge(
        _ keys: ArraySlice<BackfillKey>, of start: Int64, _ chunk: BackfillChunk, _ statements: BackfillStatements,
        _ changed: inout [(key: BackfillKey, change: BackfillChange)], _ outcome: inout BackfillOutcome
    ) throws {
        if let reason = chunk.unreadable[start] {
            outcome.unvouched.append((start, reason))
            return
        }
        let isCovered = try chunk.bounds.coveredGeneration.map { covered in
            try statements.generation(of: start).map { $0 <= covered } ?? false
        }
        var found: [(key: BackfillKey, change: BackfillChange)] = []
        for key in keys {
            let late = try statements.late(key, bounds: chunk.bounds.offsets)
            let sum = BackfillSum(
                key: key, late: late, stored: try statements.count(key), isCovered: isCovered ?? false)
            if let reason = sum.doubt {
                outcome.unvouched.append((start, reason))
                return
            }
            guard sum.new != sum.old else { continue }
            found.append(
                (key, BackfillChange(windowStart: start, postcode: key.postcode, old: sum.old, new: sum.new)))
        }
        changed += found
    }

    private func apply(
        _ change: BackfillChange, of key: BackfillKey, _ chunk: BackfillChunk, _ statements: BackfillStatements,
        generation: Int64, now: Int64
    ) throws {
        let window = self.statements.window
        try window.bind(key.windowStart, at: 1)
        try window.bind(isoText(seconds: key.windowStart), at: 2)
        try window.bind(generation, at: 3)
        try window.run()
        let wasStored = try statements.count(key) != nil
        try statements.set(change, generation: generation)
        try statements.mark(key, snapshotID: chunk.snapshotID, now: now)
        guard !wasStored, let row = key.tableRows.first else { return }
        let place = RowLocation(
            windowStart: key.windowStart, postcode: key.postcode, fileID: try fileID(ofPath: row.path),
            position: row.position, count: row.count)
        try statements.locate(place)
        try addEvicted(events: -row.count)
    }
}

/// The late events of one count.
struct LateSum: Equatable {
    /// Those that the raw table must have.
    var below: Int64 = 0
    /// Those that it cannot have yet.
    var above: Int64 = 0
    /// Those that are in the count already.
    var backfilled: Int64 = 0
}

/// The arithmetic of one count (docs/adr/0010).
struct BackfillSum {
    let key: BackfillKey
    let late: LateSum
    /// The count in the state; nil when it has none.
    let stored: Int64?
    /// The raw table must have every event that was counted.
    let isCovered: Bool

    /// The count as it is, in the state or in the table.
    var old: Int64 { stored ?? key.tableRows.first?.count ?? 0 }
    /// Events counted when they came.
    private var counted: Int64 { old - late.backfilled }
    /// Counted events that the raw table does not have yet.
    private var unexported: Int64 { counted - key.rawCounted }
    /// What the tables hold below the bounds and the state above them.
    var new: Int64 { key.rawCounted + key.rawLate + unexported + late.above }

    /// Why the count cannot be vouched for; nil when it can.
    var doubt: String? {
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

/// The statements of a backfill.
private final class BackfillStatements {
    private let countRow: Statement
    private let windowRow: Statement
    private let lateRows: Statement
    private let setRow: Statement
    private let markRows: Statement
    private let locateRow: Statement

    init(_ connection: Connection) throws {
        countRow = try connection.prepare("SELECT count FROM counts WHERE window_start = ?1 AND postcode = ?2")
        windowRow = try connection.prepare("SELECT generation FROM windows WHERE window_start = ?1")
        lateRows = try connection.prepare(
            """
            SELECT kafka_partition, kafka_offset, backfilled_at_ms IS NOT NULL FROM late
            WHERE window_start = ?1 AND postcode = ?2
            """)
        setRow = try connection.prepare(
            """
            INSERT INTO counts VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET count = excluded.count, generation = excluded.generation
            """)
        markRows = try connection.prepare(
            """
            UPDATE late SET backfilled_at_ms = ?3, backfill_snapshot_id = ?4
            WHERE window_start = ?1 AND postcode = ?2 AND backfilled_at_ms IS NULL
            """)
        locateRow = try connection.prepare("INSERT OR REPLACE INTO exported VALUES (?1, ?2, ?3, ?4, ?5)")
    }

    private func bind(_ statement: Statement, _ window: Int64, _ postcode: String) throws {
        statement.reset()
        try statement.bind(window, at: 1)
        try statement.bind(postcode, at: 2)
    }

    func count(_ key: BackfillKey) throws -> Int64? {
        try bind(countRow, key.windowStart, key.postcode)
        defer { countRow.reset() }
        return try countRow.step() ? countRow.int64(0) : nil
    }

    func generation(of window: Int64) throws -> Int64? {
        windowRow.reset()
        try windowRow.bind(window, at: 1)
        defer { windowRow.reset() }
        return try windowRow.step() ? windowRow.int64(0) : nil
    }

    func late(_ key: BackfillKey, bounds: [Int32: Int64]) throws -> LateSum {
        try bind(lateRows, key.windowStart, key.postcode)
        defer { lateRows.reset() }
        var sum = LateSum()
        while try lateRows.step() {
            let isBelow = lateRows.int64(1) < bounds[Int32(clamping: lateRows.int64(0))] ?? 0
            if isBelow { sum.below += 1 } else { sum.above += 1 }
            sum.backfilled += lateRows.int64(2)
        }
        return sum
    }

    func set(_ change: BackfillChange, generation: Int64) throws {
        try bind(setRow, change.windowStart, change.postcode)
        try setRow.bind(change.new, at: 3)
        try setRow.bind(generation, at: 4)
        try setRow.run()
    }

    func mark(_ key: BackfillKey, snapshotID: Int64?, now: Int64) throws {
        try bind(markRows, key.windowStart, key.postcode)
        try markRows.bind(now, at: 3)
        try markRows.bind(snapshotID, at: 4)
        try markRows.run()
    }

    func locate(_ place: RowLocation) throws {
        try bind(locateRow, place.windowStart, place.postcode)
        try locateRow.bind(place.fileID, at: 3)
        try locateRow.bind(place.position, at: 4)
        try locateRow.bind(place.count, at: 5)
        try locateRow.run()
    }
}
