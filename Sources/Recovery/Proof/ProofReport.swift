// The result of a proof: checks with their figures, and the first differences.

package import Base

/// One comparison.
package struct ProofCheck: Codable, Equatable, Sendable {
    /// The outcome of a comparison.
    package enum Verdict: String, Codable, Sendable {
        /// Both sides are equal.
        case equal
        /// The sides differ.
        case differs
        /// The comparison was not possible; the note says why.
        case unchecked
    }

    /// The name of the compared figures.
    package let name: String
    /// The expected figure.
    package let expected: String
    /// The figure found.
    package let found: String
    /// The outcome.
    package let verdict: Verdict
    /// An explanation, if there is one.
    package let note: String?

    /// Compares two numbers.
    package init(_ name: String, expected: Int64, found: Int64, note: String? = nil) {
        self.init(name, "\(expected)", "\(found)", expected == found, note: note)
    }

    /// A comparison with a given outcome.
    package init(_ name: String, _ expected: String, _ found: String, _ isEqual: Bool, note: String? = nil) {
        self.name = name
        self.expected = expected
        self.found = found
        verdict = isEqual ? .equal : .differs
        self.note = note
    }

    /// A check that is not possible.
    package init(unchecked name: String, note: String) {
        self.name = name
        expected = "-"
        found = "-"
        verdict = .unchecked
        self.note = note
    }
}

/// A count that differs between the sides.
package struct ProofDifference: Equatable, Sendable {
    /// The postcode.
    package let postcode: String
    /// The window's start.
    package let window: WindowStart
    /// The state's count; nil when there is none or it is not comparable.
    package let local: Int64?
    /// The table's count, which is the sum of its rows; nil when there is no row.
    package let table: Int64?
    /// The count of raw rows; nil when there is none or they are not comparable.
    package let raw: Int64?
}

/// The result of a proof.
package struct ProofReport: Equatable, Sendable {
    /// All checks, in the order in which they were made.
    package internal(set) var checks: [ProofCheck] = []
    /// The first differences between counts.
    package internal(set) var differences: [ProofDifference] = []
    /// Other differences, such as offsets and files, one line each.
    package internal(set) var findings: [String] = []
    /// The snapshot of the counts table that was compared.
    package internal(set) var countsSnapshot: Int64?
    /// The snapshot of the raw table that was compared.
    package internal(set) var rawSnapshot: Int64?

    /// Nothing differs.
    package var isEqual: Bool { findings.isEmpty && differences.isEmpty && !checks.contains { $0.verdict == .differs } }
}

/// Options of a proof.
package struct ProofOptions: Sendable {
    /// Compares only sums.
    package var isQuick = false
    /// A snapshot of either table; nil for the last one that the state exported.
    package var snapshotID: Int64?
    /// Accepts offsets without records, which compaction and transactions leave.
    package var allowsGaps = false
    /// Maximum number of differences to report.
    var mostNamed = 20
    /// Accepts other writers' changes to the counts table since this state's last commit. A restored state corrects
    /// them with its next export.
    var toleratesForeign = false

    /// The full proof of the last snapshot.
    package init() {}
}

/// Why a proof is not possible.
package enum ProofError: Error, CustomStringConvertible, Equatable, Sendable {
    /// No table has this snapshot.
    case noSnapshot(id: Int64, tables: String)

    /// One line.
    package var description: String {
        switch self {
        case .noSnapshot(let id, let tables):
            "no snapshot \(id) in \(tables); it has expired or never existed; `SELECT * FROM exports` lists snapshots"
        }
    }
}
