// Tests of the decision about a prepared commit, for every observation.

import Iceberg
import Testing

@testable import Export
@testable import Tables

@Suite struct CommitDecisionTests {
    private static let snapshot = Snapshot(
        id: 7, parentID: nil, sequenceNumber: 1, timestampMilliseconds: 0, manifestList: "list.avro",
        operation: .append, summary: [:], schemaID: 0)

    @Test func aCommitThatIsFoundIsSettledWhateverTheEpochs() {
        for tableEpoch in Int64(0)...3 {
            for ledgerEpoch in Int64(0)...3 {
                let seen = TableObservation(
                    found: .snapshot(Self.snapshot), tableEpoch: tableEpoch, ledgerEpoch: ledgerEpoch)
                #expect(CommitDecision.decide(seen) == .settle(Self.snapshot))
                let expired = TableObservation(found: .property, tableEpoch: tableEpoch, ledgerEpoch: ledgerEpoch)
                #expect(CommitDecision.decide(expired) == .settle(nil))
            }
        }
    }

    @Test func aCommitThatIsNotFoundIsTriedOnlyWhereNobodyElseWas() {
        for tableEpoch in Int64(0)...3 {
            for ledgerEpoch in Int64(0)...3 {
                let seen = TableObservation(found: nil, tableEpoch: tableEpoch, ledgerEpoch: ledgerEpoch)
                let expected: CommitDecision =
                    tableEpoch == ledgerEpoch ? .commit : tableEpoch > ledgerEpoch ? .fenced : .wentBack
                #expect(CommitDecision.decide(seen) == expected)
            }
        }
    }

    @Test func onlyAnotherWriterOfTheSameTableEndsTheProcess() {
        let all: [TableError] = [
            .tableGone(table: "t", catalog: "c"), .otherSchema(table: "t", expected: "a", found: "b", obstacle: "c"),
            .notOurs(table: "t"), .otherState(table: "t", recorded: "a", ours: "b"),
            .fenced(table: "t", tableEpoch: 2, ours: 1), .wentBack(table: "t", tableEpoch: 0, ours: 1),
            .unknownCommit(table: "t", snapshot: 1), .rewritten(table: "t", file: "f"),
            .spoolFileMissing(path: "p", table: "t"),
            .contended(table: "t", tries: 8, reason: "r"), .unknownOutcome(table: "t", reason: "r"),
        ]
        #expect(all.filter(\.isForeign).count == 3)
        #expect(all.filter(\.isUnsettled).count == 2)
        for error in all {
            #expect(error.description.contains("table t"), "the message names the table: \(error)")
            #expect(!error.description.contains("\n"))
        }
    }
}
