// The binding over librdkafka's in-process broker.

import Base
import Testing

@testable import Kafka

/// A record, copied.
struct Copy: Equatable {
    let partition: PartitionID
    let offset: KafkaOffset
    let payload: [UInt8]
    let isTombstone: Bool
}

@Suite("Kafka binding")
struct KafkaTests {
    static func broker(partitions: Int) throws -> InProcessBroker {
        let broker = try InProcessBroker()
        try broker.createTopic("t", partitions: partitions)
        return broker
    }

    static func producer(_ broker: InProcessBroker, delivered: @escaping (Delivery) -> Void = { _ in }) throws
        -> Producer
    {
        try Producer(
            settings: [("bootstrap.servers", broker.bootstrapServers), ("linger.ms", "1")], log: { _ in },
            delivered: delivered)
    }

    static func consumer(_ servers: String, _ more: [(String, String)] = [], batch: Int = 10_000) throws -> Consumer {
        try Consumer(
            settings: [("bootstrap.servers", servers), ("group.id", "g")] + more, batchCapacity: batch, log: { _ in })
    }

    static func send(_ values: [[UInt8]?], to partition: PartitionID, _ producer: Producer) throws {
        for value in values {
            if let value {
                try value.withUnsafeBytes { try producer.send(topic: "t", partition: partition, value: $0) }
            } else {
                try producer.send(topic: "t", partition: partition, value: nil)
            }
        }
        #expect(producer.flush(timeoutMilliseconds: 10_000))
    }

    /// Everything up to the end of the partitions.
    static func readAll(_ consumer: Consumer, _ positions: [Position]) throws -> (
        records: [Copy], ends: [PartitionID: KafkaOffset]
    ) {
        try consumer.assign(topic: "t", positions)
        var (found, ends): ([Copy], [PartitionID: KafkaOffset]) = ([], [:])
        while ends.count < positions.count {
            consumer.poll(timeoutMilliseconds: 1000) { records, notices in
                for record in records {
                    found.append(
                        Copy(
                            partition: record.partition, offset: record.offset, payload: Array(record.payload),
                            isTombstone: record.isTombstone))
                }
                for case .endOfPartition(let partition, let offset) in notices { ends[partition] = offset }
            }
        }
        return (found, ends)
    }

    @Test("records come back byte for byte, in order, an empty value apart from a tombstone")
    func roundTrip() throws {
        let broker = try Self.broker(partitions: 2)
        let producer = try Self.producer(broker)
        let values: [[UInt8]?] = [Array("a".utf8), [], nil, [0, 255, 0], Array(repeating: 7, count: 100_000)]
        try Self.send(values, to: 1, producer)
        let read = try Self.readAll(
            try Self.consumer(broker.bootstrapServers),
            [Position(partition: 0, offset: 0), Position(partition: 1, offset: 0)])
        #expect(read.ends == [0: 0, 1: 5])
        let expected = values.enumerated().map {
            Copy(
                partition: 1, offset: KafkaOffset(rawValue: Int64($0.offset)), payload: $0.element ?? [],
                isTombstone: $0.element == nil)
        }
        #expect(read.records == expected)
    }

    @Test("an empty buffer without an address is sent as an empty value, not as a tombstone")
    func emptyValue() throws {
        let broker = try Self.broker(partitions: 1)
        let producer = try Self.producer(broker)
        try producer.send(topic: "t", partition: 0, value: UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(producer.flush(timeoutMilliseconds: 10_000))
        let read = try Self.readAll(try Self.consumer(broker.bootstrapServers), [Position(partition: 0, offset: 0)])
        #expect(read.records == [Copy(partition: 0, offset: 0, payload: [], isTombstone: false)])
    }

    @Test("reading starts at the offset given, in batches no larger than asked for")
    func positions() throws {
        let broker = try Self.broker(partitions: 1)
        try Self.send((0..<100).map { [UInt8($0)] }, to: 0, try Self.producer(broker))
        let consumer = try Self.consumer(broker.bootstrapServers, batch: 7)
        try consumer.assign(topic: "t", [Position(partition: 0, offset: 40)])
        var offsets: [KafkaOffset] = []
        while offsets.last != 99 {
            consumer.poll(timeoutMilliseconds: 1000) { records, notices in
                #expect(records.count + notices.count <= 7)
                offsets += records.map(\.offset)
            }
        }
        #expect(offsets == (40..<100).map { KafkaOffset(rawValue: $0) })
        #expect(consumer.cachedHighWatermark(of: "t", partition: 0) == 100)
    }

    @Test("delivery reports carry the tag that was sent and where the record went")
    func tags() throws {
        let broker = try Self.broker(partitions: 1)
        var tags: [Int] = []
        let producer = try Self.producer(broker) { delivery in
            #expect(delivery.failure == nil)
            #expect(delivery.partition == 0 && delivery.offset.rawValue == Int64(tags.count))
            tags.append(delivery.tag)
        }
        for tag in 0..<50 { try producer.send(topic: "t", partition: 0, value: nil, tag: tag) }
        #expect(producer.flush(timeoutMilliseconds: 10_000))
        #expect(tags == Array(0..<50))
    }

    @Test("the cluster, its topics and a partition's offsets are told")
    func questions() throws {
        let broker = try Self.broker(partitions: 3)
        try Self.send([[1], [2]], to: 2, try Self.producer(broker))
        let consumer = try Self.consumer(broker.bootstrapServers)
        let id = try #require(consumer.clusterID(timeoutMilliseconds: 10_000))
        #expect(try Self.consumer(broker.bootstrapServers).clusterID(timeoutMilliseconds: 10_000) == id)
        let other = try Self.broker(partitions: 1)
        #expect(try Self.consumer(other.bootstrapServers).clusterID(timeoutMilliseconds: 10_000) != id)
        #expect(try consumer.partitionCount(of: "t", timeoutMilliseconds: 10_000) == 3)
        #expect(
            try consumer.offsets(of: "t", partition: 2, timeoutMilliseconds: 10_000) == OffsetRange(low: 0, high: 2))
        #expect(
            try consumer.offsets(of: "t", partition: 0, timeoutMilliseconds: 10_000) == OffsetRange(low: 0, high: 0))
        #expect(consumer.cachedHighWatermark(of: "t", partition: 0) == nil)
    }

    @Test("an offset that the partition does not have is told, never reset")
    func missingOffset() throws {
        let broker = try Self.broker(partitions: 1)
        try Self.send([[1], [2]], to: 0, try Self.producer(broker))
        let consumer = try Self.consumer(broker.bootstrapServers)
        try consumer.assign(topic: "t", [Position(partition: 0, offset: 1000)])
        var failure: KafkaError?
        while failure == nil {
            consumer.poll(timeoutMilliseconds: 1000) { records, notices in
                #expect(records.isEmpty)
                for case .partitionFailed(0, _, let error) in notices { failure = error }
            }
        }
        #expect(failure?.isMissingOffset == true)
    }

    @Test("the group's offsets are committed")
    func commit() throws {
        let broker = try Self.broker(partitions: 1)
        let consumer = try Self.consumer(broker.bootstrapServers)
        try consumer.assign(topic: "t", [Position(partition: 0, offset: 0)])
        let commits = consumer.groupCommits()
        #expect(commits.outcome() == nil)
        commits.begin(topic: "t", [])
        #expect(!commits.isUnderWay)
        commits.begin(topic: "t", [Position(partition: 0, offset: 5)])
        #expect(commits.isUnderWay)
        // Another one waits for the first.
        commits.begin(topic: "t", [Position(partition: 0, offset: 6)])
        #expect(commits.outcome(timeoutMilliseconds: 10_000) == .acknowledged)
        let cluster = try Cluster(
            settings: [("bootstrap.servers", broker.bootstrapServers), ("group.id", "g")], log: { _ in })
        let place = TopicPartition(topic: "t", partition: 0)
        #expect(try cluster.committedOffsets(of: [place], timeoutMilliseconds: 10_000) == [place: 5])
    }

    @Test("a paused partition brings nothing and goes on where it was")
    func pause() throws {
        let broker = try Self.broker(partitions: 1)
        let producer = try Self.producer(broker)
        let consumer = try Self.consumer(broker.bootstrapServers)
        let position = [Position(partition: 0, offset: 0)]
        #expect(try Self.readAll(consumer, position).records.isEmpty)
        consumer.setPaused(true, topic: "t", position)
        try Self.send([[1], [2]], to: 0, producer)
        consumer.poll(timeoutMilliseconds: 200) { records, _ in #expect(records.isEmpty) }
        consumer.setPaused(false, topic: "t", position)
        var payloads: [[UInt8]] = []
        while payloads.count < 2 {
            consumer.poll(timeoutMilliseconds: 1000) { records, _ in payloads += records.map { Array($0.payload) } }
        }
        #expect(payloads == [[1], [2]])
    }

    @Test("settings that librdkafka does not know or refuses are named")
    func settings() {
        for setting in [("no.such.setting", "1"), ("security.protocol", "nonsense"), ("message.max.bytes", "-1")] {
            let error = #expect(throws: KafkaError.self) { try Self.consumer("127.0.0.1:1", [setting]) }
            #expect(error?.isInvalidSetting == true)
            #expect(error?.message.contains(setting.0) == true)
        }
    }

    @Test("a broker that cannot be reached is a connection error, in the time given")
    func unreachable() throws {
        let consumer = try Self.consumer("127.0.0.1:1")
        let error = #expect(throws: KafkaError.self) { try consumer.partitionCount(of: "t", timeoutMilliseconds: 300) }
        #expect(error?.isConnection == true)
        #expect(consumer.clusterID(timeoutMilliseconds: 100) == nil)
        var told = false
        while !told {
            consumer.poll(timeoutMilliseconds: 100) { _, notices in
                for case .failed(let error) in notices where error.isConnection { told = true }
            }
        }
    }

    @Test("log lines reach the caller with their level")
    func logLines() throws {
        final class Lines: Sendable { let all = Lock<[KafkaLogLine]>([]) }
        let lines = Lines()
        let consumer = try Consumer(
            settings: [("bootstrap.servers", "127.0.0.1:1"), ("group.id", "g")],
            log: { line in lines.all.withLock { $0.append(line) } })
        while lines.all.withLock({ $0.isEmpty }) { consumer.poll(timeoutMilliseconds: 50) { _, _ in } }
        #expect(lines.all.withLock { $0.contains { $0.level <= 4 && !$0.text.isEmpty && !$0.facility.isEmpty } })
    }

    @Test("errors are sorted by what can be done about them")
    func kinds() {
        func error(_ code: Int32) -> KafkaError { KafkaError(code: code) }
        #expect(error(-195).isConnection && error(-185).isConnection && error(-187).isConnection)
        #expect(error(-169).isAuthentication && error(58).isAuthentication && error(29).isAuthentication)
        #expect(error(3).isUnknownTopic && error(-188).isUnknownTopic && error(-190).isUnknownTopic)
        #expect(error(1).isMissingOffset && error(-140).isMissingOffset)
        #expect(error(-186).isInvalidSetting)
        #expect(error(-184).isQueueFull)
        #expect(!error(-195).isAuthentication && !error(1).isConnection)
    }
}
