// What a proof found: checks with their figures, and the first differences by name.

/// One comparison.
public struct ProofCheck: Codable, Equatable, Sendable {
    /// What came of it.
    public enum Verdict: String, Codable, Sendable {
        /// Both sides are equal.
        case equal
        /// They are not.
        case differs
        /// There is nothing to compare with; the note says why.
        case unchecked
    }

    /// What is compared.
    public let name: String
    /// What it should be.
    public let expected: String
    /// What it is.
    public let found: String
    /// What came of it.
    public let verdict: Verdict
    /// More, where there is more to say.
    public let note: String?

    /// Compares two numbers.
    init(_ name: String, expected: Int64, found: Int64, note: String? = nil) {
        self.init(name, "\(expected)", "\(found)", expected == found, note: note)
    }

    init(_ name: String, _ expected: String, _ found: String, _ isEqual: Bool, note: String? = nil) {
        self.name = name
        self.expected = expected
        self.found = found
        verdict = isEqual ? .equal : .differs
        self.note = note
    }

    /// A check that cannot be made.
    init(unchecked name: String, note: String) {
        self.name = name
        expected = "-"
        found = "-"
        verdict = .unchecked
        self.note = note
    }
}

/// One count that is not the same everywhere.
public struct ProofDifference: Codable, Equatable, Sendable {
    /// The postcode.
    public let postcode: String
    /// The window's start, seconds since the Unix epoch.
    public let window: Int64
    /// The state's count; nil: none, or not comparable.
    public let local: Int64?
    /// The table's count (the sum of its rows); nil: no row.
    public let table: Int64?
    /// The count of raw rows; nil: none, or they do not reach so far.
    public let raw: Int64?
}

/// The result of a proof.
public struct ProofReport: Codable, Equatable, Sendable {
    /// All checks, in the order they were made.
    public internal(set) var checks: [ProofCheck] = []
    /// The first differences between counts.
    public internal(set) var differences: [ProofDifference] = []
    /// Other differences, each in a line: offsets, files.
    public internal(set) var findings: [String] = []
    /// The snapshot of the counts table that was compared.
    public internal(set) var countsSnapshot: Int64?
    /// The snapshot of the raw table that was compared.
    public internal(set) var rawSnapshot: Int64?

    /// Nothing differs.
    public var isEqual: Bool { findings.isEmpty && differences.isEmpty && !checks.contains { $0.verdict == .differs } }
}

/// What a proof is to do.
public struct ProofOptions: Sendable {
    /// Sums only.
    public var isQuick = false
    /// A snapshot of either table; nil: the last that the state exported.
    public var snapshotID: Int64?
    /// The topic may have offsets without records (compaction, transactions); such gaps are then no difference.
    public var allowsGaps = false
    /// The most differences that are named.
    public var mostNamed = 20
    /// What others did to the counts table since our last commit is no difference: a restore brings it level again.
    var toleratesForeign = false

    /// The full proof of the last snapshot.
    public init() {}
}

/// A proof that cannot be made.
public enum ProofError: Error, CustomStringConvertible, Equatable, Sendable {
    /// No table has this snapshot.
    case noSnapshot(id: Int64, tables: String)

    /// One line.
    public var description: String {
        switch self {
        case .noSnapshot(let id, let tables):
            "no snapshot \(id) in \(tables); it has expired or never was; `SELECT * FROM exports` lists snapshots"
        }
    }
}
