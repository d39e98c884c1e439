// Tests of the events that count as sent by a lost state or by another one.

import Base
import State
import Testing

@testable import Ingest

@Suite struct SentBeforeTests {
    private let bytes: [UInt8] = [1, 2, 3]

    private func row(_ partition: PartitionID, _ offset: KafkaOffset, _ payload: [UInt8]) -> OutboxRow {
        OutboxRow(number: 1, partition: partition, offset: offset, payload: payload)
    }

    @Test func `only origins that are read again count`() {
        var sent = SentBefore(restored: [0: 100])
        for (partition, offset) in [(0, 99), (0, 100), (0, 120), (1, 3)] as [(PartitionID, KafkaOffset)] {
            sent.note(OutboxOrigin(partition: partition, offset: offset), value: bytes)
        }
        sent.note(nil, value: bytes)
        let places: [(PartitionID, KafkaOffset)] = [(0, 99), (0, 100), (0, 101), (0, 120), (1, 3), (1, 4)]
        #expect(places.filter { sent.contains(row($0.0, $0.1, bytes)) }.map(\.1) == [100, 120, 3])
    }

    @Test func `the same origin with other bytes is another event`() {
        var sent = SentBefore(restored: [:])
        sent.note(OutboxOrigin(partition: 0, offset: 7), value: bytes)
        #expect(sent.contains(row(0, 7, bytes)))
        #expect(!sent.contains(row(0, 7, [1, 2])))
    }

    private func at(_ next: [PartitionID: KafkaOffset]) -> [PartitionProgress] {
        next.map { PartitionProgress(partition: $0.key, nextOffset: $0.value) }
    }

    @Test func `they are over when every partition was consumed beyond them`() {
        var sent = SentBefore(restored: [0: 100])
        #expect(sent.isBelow([]))
        sent.note(OutboxOrigin(partition: 0, offset: 120), value: bytes)
        sent.note(OutboxOrigin(partition: 1, offset: 3), value: bytes)
        #expect(!sent.isBelow(at([0: 121])))
        #expect(!sent.isBelow(at([0: 120, 1: 4])))
        #expect(sent.isBelow(at([0: 121, 1: 4])))
    }
}
