// Merges counts and exported rows, both in the order of their keys, and finds counts whose generation is wrong.

package import Base
import SQLite

/// One pass over both tables.
package final class LedgerMerge {
    /// A key, in the order of the tables.
    package struct Key: Equatable, Sendable {
        /// The window's start.
        package let window: WindowStart
        /// The postcode's bytes.
        package let postcode: [UInt8]

        /// A lower bound of all keys.
        package static let first = Key(window: .first, postcode: [])
    }

    private let counts: Statement
    private let ledger: Statement
    private let unchanged: Generation
    private let changed: Generation
    /// The first exported row without a count in the state whose own count is not 0; nil when there is none.
    package private(set) var uncounted: (key: Key, count: Int64)?
    /// The keys whose count has a wrong generation or is missing, with the right generation.
    package private(set) var wrong: [(key: Key, generation: Generation)] = []

    /// - Parameters:
    ///   - start: the first key to compare (inclusive).
    ///   - unchanged: the right generation of counts that equal their exported row.
    ///   - changed: the right generation of all other counts.
    /// - Throws: `SQLiteError`.
    init(_ connection: Connection, from start: Key, unchanged: Generation, changed: Generation) throws {
        self.unchanged = unchanged
        self.changed = changed
        let order = "WHERE (window_start, postcode) >= (?1, ?2) ORDER BY window_start, postcode"
        counts = try connection.prepare("SELECT window_start, postcode, count, generation FROM counts \(order)")
        ledger = try connection.prepare("SELECT window_start, postcode, count FROM exported \(order)")
        for statement in [counts, ledger] {
            try start.postcode.withUnsafeBytes { try statement.restart(start.window.seconds, TextBytes($0)) }
        }
    }

    /// Compares until the end, or until there are more than `most` wrong keys.
    /// - Returns: the key to continue from; nil at the end.
    /// - Throws: `SQLiteError`.
    package func run(atMost most: Int) throws -> Key? {
        defer {
            counts.reset()
            ledger.reset()
        }
        var (hasCount, hasRow) = (try counts.step(), try ledger.step())
        while hasCount || hasRow {
            let order = !hasRow ? -1 : !hasCount ? 1 : Self.compare(counts, ledger)
            // A row without a count here gets a count of zero.
            let isEqual = order >= 0 && ledger.int64(2) == (order == 0 ? counts.int64(2) : 0)
            let generation = isEqual ? unchanged : changed
            if order > 0, ledger.int64(2) != 0, uncounted == nil { uncounted = (Self.key(ledger), ledger.int64(2)) }
            if order > 0 || counts.generation(3) != generation {
                let key = Self.key(order > 0 ? ledger : counts)
                if wrong.count >= most { return key }
                wrong.append((key, generation))
            }
            if order <= 0 { hasCount = try counts.step() }
            if order >= 0 { hasRow = try ledger.step() }
        }
        return nil
    }

    private static func key(_ row: Statement) -> Key {
        Key(window: row.window(0), postcode: row.withText(1) { Array($0) })
    }

    private static func compare(_ left: Statement, _ right: Statement) -> Int {
        let (a, b) = (left.int64(0), right.int64(0))
        if a != b { return a < b ? -1 : 1 }
        return left.withText(1) { left in
            right.withText(1) { right in
                if left.elementsEqual(right) { return 0 }
                return left.lexicographicallyPrecedes(right) ? -1 : 1
            }
        }
    }
}
