// What a proof found: checks with their figures, and the first differences by name.

package import Base

/// One comparison.
package struct ProofCheck: Codable, Equatable, Sendable {
    /// What came of it.
    package enum Verdict: String, Codable, Sendable {
        /// Both sides are equal.
        case equal
        /// They are not.
        case differs
        /// There is nothing to compare with; the note says why.
        case unchecked
    }

    /// What is compared.
    package let name: String
    /// What it should be.
    package let expected: String
    /// What it is.
    package let found: String
    /// What came of it.
    package let verdict: Verdict
    /// More, where there is more to say.
    package let note: String?

    /// Compares two numbers.
    package init(_ name: String, expected: Int64, found: Int64, note: String? = nil) {
        self.init(name, "\(expected)", "\(found)", expected == found, note: note)
    }

    package init(_ name: String, _ expected: String, _ found: String, _ isEqual: Bool, note: String? = nil) {
        self.name = name
        self.expected = expected
        self.found = found
        verdict = isEqual ? .equal : .differs
        self.note = note
    }

    /// A check that cannot be made.
    package init(unchecked name: String, note: String) {
        self.name = name
        expected = "-"
        found = "-"
        verdict = .unchecked
        self.note = note
    }
}

/// One count that is not the same everywhere.
package struct ProofDifference: Equatable, Sendable {
    /// The postcode.
    package let postcode: String
    /// The window's start.
    package let window: WindowStart
    /// The state's count; nil: none, or not comparable.
    package let local: Int64?
    /// The table's count (the sum of its rows); nil: no row.
    package let table: Int64?
    /// The count of raw rows; nil: none, or they do not reach so far.
    package let raw: Int64?
}

/// The result of a proof.
package struct ProofReport: Equatable, Sendable {
    /// All checks, in the order they were made.
    package internal(set) var checks: [ProofCheck] = []
    /// The first differences between counts.
    package internal(set) var differences: [ProofDifference] = []
    /// Other differences, each in a line: offsets, files.
    package internal(set) var findings: [String] = []
    /// The snapshot of the counts table that was compared.
    package internal(set) var countsSnapshot: Int64?
    /// The snapshot of the raw table that was compared.
    package internal(set) var rawSnapshot: Int64?

    /// Nothing differs.
    package var isEqual: Bool { findings.isEmpty && differences.isEmpty && !checks.contains { $0.verdict == .differs } }
}

/// What a proof is to do.
package struct ProofOptions: Sendable {
    /// Sums only.
    package var isQuick = false
    /// A snapshot of either table; nil: the last that the state exported.
    package var snapshotID: Int64?
    /// The topic may have offsets without records (compaction, transactions); such gaps are then no difference.
    package var allowsGaps = false
    /// The most differences that are named.
    var mostNamed = 20
    /// What others did to the counts table since our last commit is no difference: a restore brings it level again.
    var toleratesForeign = false

    /// The full proof of the last snapshot.
    package init() {}
}

/// A proof that cannot be made.
package enum ProofError: Error, CustomStringConvertible, Equatable, Sendable {
    /// No table has this snapshot.
    case noSnapshot(id: Int64, tables: String)

    /// One line.
    package var description: String {
        switch self {
        case .noSnapshot(let id, let tables):
            "no snapshot \(id) in \(tables); it has expired or never was; `SELECT * FROM exports` lists snapshots"
        }
    }
}
