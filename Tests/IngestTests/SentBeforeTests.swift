// What counts as sent by a lost state.

import Store
import Testing

@testable import Ingest

@Suite struct SentBeforeTests {
    @Test func `only origins that are read again count`() {
        var sent = SentBefore(restored: [0: 100])
        for key in ["0/99", "0/100", "0/120", "1/3", nil, "", "0", "0/", "/7", "a/b", "0/1/2", "99999999999/1"] {
            sent.note(key: key)
        }
        let found = [(0, 99), (0, 100), (0, 101), (0, 120), (1, 3), (1, 4)].filter {
            sent.contains(partition: $0.0, offset: $0.1)
        }
        #expect(found.map(\.1) == [100, 120, 3])
    }

    private func at(_ next: [Int32: Int64]) -> [PartitionProgress] {
        next.map { PartitionProgress(partition: $0.key, nextOffset: $0.value) }
    }

    @Test func `they are over when every partition was consumed beyond them`() {
        var sent = SentBefore(restored: [0: 100])
        #expect(sent.isBelow([]))
        sent.note(key: "0/120")
        sent.note(key: "1/3")
        #expect(!sent.isBelow(at([0: 121])))
        #expect(!sent.isBelow(at([0: 120, 1: 4])))
        #expect(sent.isBelow(at([0: 121, 1: 4])))
    }
}
