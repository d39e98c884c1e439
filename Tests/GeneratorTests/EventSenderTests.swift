// The sender over librdkafka's in-process broker.

import Base
import Foundation
import Kafka
import Testing

@testable import Generator

@Suite("Event sender")
struct EventSenderTests {
    static func settings(_ broker: InProcessBroker, count: Int) -> GeneratorSettings {
        var settings = GeneratorSettings(
            kafka: [("bootstrap.servers", broker.bootstrapServers)], topic: "pageviews", seed: 5,
            classes: EventStreamTests.mix, postcodes: 50)
        settings.rate = 0
        settings.count = count
        settings.startMilliseconds = EventStreamTests.clock
        return settings
    }

    static func sender(_ settings: GeneratorSettings, mayContinue: @escaping () -> Bool = { true }) -> EventSender {
        EventSender(
            settings: settings, wall: { 0 }, monotonicMicroseconds: { 0 }, pause: { _ in }, mayContinue: mayContinue)
    }

    /// Every record of the topic, by partition.
    static func records(_ broker: InProcessBroker, partitions: Int) throws -> [PartitionID: [[UInt8]]] {
        let consumer = try Consumer(
            settings: [("bootstrap.servers", broker.bootstrapServers), ("group.id", "test")], log: { _ in })
        try consumer.assign(
            topic: "pageviews", PartitionID.all(count: partitions).map { Position(partition: $0, offset: 0) })
        var found: [PartitionID: [[UInt8]]] = [:]
        var ended: Set<PartitionID> = []
        while ended.count < partitions {
            consumer.poll(timeoutMilliseconds: 1000) { records, notices in
                for record in records { found[record.partition, default: []].append(Array(record.payload)) }
                for case .endOfPartition(let partition, _) in notices { ended.insert(partition) }
            }
        }
        return found
    }

    @Test("event n goes to partition n modulo their number, and the summary counts what was acknowledged")
    func sends() throws {
        let broker = try InProcessBroker()
        try broker.createTopic("pageviews", partitions: 3)
        var settings = Self.settings(broker, count: 1000)
        settings.spanMilliseconds = 60_000
        let summary = try Self.sender(settings).run()
        #expect(summary.sent.reduce(0, +) == 1000)
        #expect(summary.failed == 0)
        let found = try Self.records(broker, partitions: 3)
        #expect(found.mapValues(\.count) == [0: 334, 1: 333, 2: 333])
        // The same events, made here.
        var stream = EventStream(seed: 5, classes: settings.classes, postcodes: 50)
        var bytes: [UInt8] = []
        var sent = [0, 0, 0]
        for index in 0..<1000 {
            sent[stream.next(clock: EventStreamTests.clock + Int64(index) * 60, into: &bytes)] += 1
            #expect(found[PartitionID(clamping: index % 3)]?[index / 3] == bytes)
        }
        #expect(summary.sent == sent)
    }

    @Test("it ends soon after it is told to, with what it has sent")
    func stops() throws {
        let broker = try InProcessBroker()
        try broker.createTopic("pageviews", partitions: 1)
        var settings = Self.settings(broker, count: 1_000_000_000)
        settings.count = nil
        var asked = 0
        let summary = try Self.sender(settings) {
            asked += 1
            return asked < 5
        }.run()
        #expect(summary.sent.reduce(0, +) == 4 * 256)
    }

    @Test("the rate decides when an event is due")
    func rate() throws {
        let broker = try InProcessBroker()
        try broker.createTopic("pageviews", partitions: 1)
        var settings = Self.settings(broker, count: 100)
        settings.rate = 50
        // A clock that only pauses move.
        final class Clock { var now: Int64 = 0 }
        let clock = Clock()
        let sender = EventSender(
            settings: settings, wall: { 0 }, monotonicMicroseconds: { clock.now }, pause: { clock.now += $0 * 1000 },
            mayContinue: { true })
        #expect(try sender.run().sent.reduce(0, +) == 100)
        // 100 events at 50 a second: the last is due after 1.98 s, give or take the millisecond that is not waited for.
        #expect((1_978_000...1_981_000).contains(clock.now))
    }
}
