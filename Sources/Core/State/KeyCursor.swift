// Looks up ascending keys in a table ordered by (window_start, postcode). The cursor steps to a near key, which costs a
// fraction of a search, and searches for the others. Keys may be given in any order; the results are those of a search.

import Base
import SQLite

/// A cursor over a table or index ordered by `window_start` and `postcode`.
final class KeyCursor {
    /// The row that `find` found: columns 0 and 1 are window and postcode, the caller's columns follow.
    package let row: Statement
    private enum Position { case none, row, end }
    private var position = Position.none
    /// The key of the last `find`, its window in seconds as in the table.
    private var window = Int64.min
    private var postcode: [UInt8] = []
    /// The number of steps after which a search is cheaper.
    private static let mostSteps = 24

    /// - Parameters:
    ///   - columns: SQL for the further columns of a row.
    ///   - table: the table's name. The table, or an index of it, must be ordered by (window_start, postcode).
    /// - Throws: `SQLiteError`.
    package init(_ connection: Connection, columns: String, of table: String) throws {
        row = try connection.prepare(
            """
            SELECT window_start, postcode, \(columns) FROM \(table)
            WHERE (window_start, postcode) >= (?1, ?2) ORDER BY window_start, postcode
            """, persistent: true)
    }

    /// Moves to the first row of a key, also when the cursor is already at that key.
    /// - Returns: whether there is such a row.
    /// - Throws: `SQLiteError`.
    package func find(window asked: WindowStart, postcode bytes: UnsafeRawBufferPointer) throws -> Bool {
        let start = asked.seconds
        let isAscending = Self.compare(window, postcode, start, bytes) < 0
        window = start
        postcode.removeAll(keepingCapacity: true)
        postcode.append(contentsOf: bytes)
        guard isAscending, position != .none else { return try search() }
        var stepped = 0
        while position == .row {
            let order = compareRow()
            if order >= 0 { return order == 0 }
            guard stepped < Self.mostSteps else { return try search() }
            stepped += 1
            position = try row.step() ? .row : .end
        }
        return false
    }

    /// Moves to the next row.
    /// - Returns: whether there is one and it has the key of the last `find`.
    /// - Throws: `SQLiteError`.
    package func next() throws -> Bool {
        guard position == .row else { return false }
        position = try row.step() ? .row : .end
        return position == .row && compareRow() == 0
    }

    /// Resets the statement. The next `find` searches.
    package func reset() {
        row.reset()
        position = .none
    }

    private func search() throws -> Bool {
        reset()
        var key = Parameters(row)
        try key.add(window)
        try postcode.withUnsafeBytes { try key.add(text: $0) }
        position = try row.step() ? .row : .end
        return position == .row && compareRow() == 0
    }

    /// Compares the row's key with the key of the last `find`: negative, zero or positive.
    private func compareRow() -> Int {
        row.withText(1) { bytes in -Self.compare(window, postcode, row.int64(0), bytes) }
    }

    private static func compare(
        _ window: Int64, _ postcode: [UInt8], _ other: Int64, _ bytes: UnsafeRawBufferPointer
    ) -> Int {
        if window != other { return window < other ? -1 : 1 }
        return postcode.withUnsafeBytes { own in
            let common = min(own.count, bytes.count)
            for index in 0..<common where own[index] != bytes[index] { return own[index] < bytes[index] ? -1 : 1 }
            return own.count == bytes.count ? 0 : own.count < bytes.count ? -1 : 1
        }
    }
}
