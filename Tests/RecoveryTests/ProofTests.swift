// Tests of the pure parts of a proof.

import Base
import Tables
import Iceberg
import Testing

@testable import Recovery
@testable import State

private func snapshot(_ id: Int64, parent: Int64?, generation: Int64?) -> Snapshot {
    var summary: [String: String] = [:]
    if let generation {
        summary["pageviews.commit-id"] = "commit-\(id)"
        summary["pageviews.generation"] = "\(generation)"
        summary["pageviews.offsets"] = "{\"0\":[\(generation * 10 - 10),\(generation * 10)]}"
    }
    return Snapshot(
        id: id, parentID: parent, sequenceNumber: id, timestampMilliseconds: id, manifestList: "list-\(id)",
        operation: .append, summary: summary, schemaID: 0)
}

@Suite struct SnapshotChoiceTests {
    /// Newest first: this state's at generation 3, a foreign one, this state's at generations 2 and 1.
    let history = [
        snapshot(4, parent: 3, generation: 3), snapshot(3, parent: 2, generation: nil),
        snapshot(2, parent: 1, generation: 2), snapshot(1, parent: nil, generation: 1),
    ]

    @Test func strangersAfterTheSettledCommitAreIncludedAndOurOwnNewerOnesAreNot() {
        #expect(SnapshotChoice.choose(history: history, settled: 2, generation: 2)?.id == 3)
        #expect(SnapshotChoice.choose(history: history, settled: 1, generation: 1)?.id == 1)
        #expect(SnapshotChoice.choose(history: history, settled: 4, generation: 3)?.id == 4)
    }

    @Test func anExpiredSettledSnapshotIsFoundByItsGeneration() {
        #expect(SnapshotChoice.choose(history: history, settled: 99, generation: 1)?.id == 1)
        #expect(SnapshotChoice.choose(history: history, settled: 99, generation: 9) == nil)
    }

    @Test func aHistoryTellsWhereItBeginsAndEnds() {
        #expect(history.ends == [0: 30])
        #expect(history.starts == [0: 0])
        #expect(history.isWhole)
        #expect(!Array(history.dropLast()).isWhole)
    }
}

@Suite struct MissingOffsetsTests {
    private static func partition(_ lost: [Range<KafkaOffset>], rejected: OffsetSet, to end: KafkaOffset)
        -> RawPartition
    {
        let figures = ProofPartition(
            number: 0, first: 0, next: end, consumed: 0, counted: 0, late: 0, rejected: 0, lost: lost)
        return RawPartition(figures, from: 0, to: end, countedEnd: end, rejected: rejected, lateLog: OffsetSet())
    }

    @Test func offsetsOfALongGapAreCountedAndNotVisited() {
        let partition = Self.partition(
            [10..<20, 100..<9_007_199_254_740_000], rejected: OffsetSet(), to: 9_007_199_254_740_990)
        partition.take(5, isLate: false)
        #expect(partition.findMissing(allowsGaps: false) == 9 + 80 + 990)
        #expect(partition.findings.first == "partition 0: offset 0 is not in the raw table, and was not rejected")
        #expect(partition.findings.count == 5)
    }

    @Test func lostAndRejectedOffsetsAreNotMissing() {
        let rejected = OffsetSet()
        for offset in [1, 11, 22] as [KafkaOffset] { #expect(rejected.insert(offset)) }
        let partition = Self.partition([2..<5, 21..<30], rejected: rejected, to: 30)
        partition.take(0, isLate: false)
        #expect(partition.findMissing(allowsGaps: false) == 15)
        #expect(partition.findings.first == "partition 0: offset 5 is not in the raw table, and was not rejected")
    }
}

@Suite struct LostRangesTests {
    @Test func rangesAreJoinedAndCut() {
        #expect(LostRanges.joined([5..<9, 0..<2, 7..<12, 12..<14], within: 1, 13) == [1..<2, 5..<13])
    }
}

@Suite struct WindowSumsTests {
    @Test func keysThatDifferWithTheSameSumAreFoundInTheirWindow() {
        var (left, right) = (WindowSums(seed: 7), WindowSums(seed: 7))
        func add(_ sums: inout WindowSums, _ window: Int64, _ postcode: String, _ count: Int64) {
            Array(postcode.utf8).withUnsafeBytes {
                sums.add(window: WindowStart(seconds: window), postcode: $0, count: count)
            }
        }
        for (postcode, count) in [("E1", Int64(2)), ("SW19 1AA and more", 3)] {
            add(&left, 60, postcode, count)
            for _ in 0..<count { add(&right, 60, postcode, 1) }
        }
        #expect(WindowSums.differing(left, right).isEmpty)
        add(&left, 120, "E1", 1)
        add(&right, 120, "E2", 1)
        #expect(left.total == right.total)
        #expect(WindowSums.differing(left, right).map(\.seconds) == [120])
        add(&right, 180, "E1", 1)
        #expect(WindowSums.differing(left, right).map(\.seconds) == [120, 180])
    }
}
