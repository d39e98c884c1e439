// What tells records and topics apart, and settings that are refused before anything is connected to.

import Base
import Testing

@testable import Kafka

@Suite("Identity of records and topics")
struct IdentityTests {
    static func record(_ value: [UInt8]?, _ body: (Record) -> Void) {
        let bytes = value ?? []
        bytes.withUnsafeBytes {
            body(Record(partition: 0, offset: 0, payload: $0, isTombstone: value == nil))
        }
    }

    /// FNV-1a over what is documented, from the published constants, computed apart from the product.
    static func fnv(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }

    @Test("a fingerprint is FNV-1a over presence, length and bytes of key and value; it never changes")
    func fingerprint() {
        let values: [([UInt8]?, [UInt8])] = [
            (nil, [0, 0]), ([], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), ([7, 8], [0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 7, 8]),
        ]
        for (value, bytes) in values { Self.record(value) { #expect($0.fingerprint == Self.fnv(bytes)) } }
    }

    @Test("the record of a broker has a timestamp; key and value both change its fingerprint")
    func records() throws {
        let broker = try InProcessBroker()
        try broker.createTopic("t", partitions: 1)
        let producer = try Producer(
            settings: [("bootstrap.servers", broker.bootstrapServers)], log: { _ in }, delivered: { _ in })
        for (key, value) in [("k", "v"), ("k", "v"), ("k2", "v"), ("k", "v2")] {
            try Array(key.utf8).withUnsafeBytes { key in
                try Array(value.utf8).withUnsafeBytes {
                    try producer.send(topic: "t", partition: 0, key: key, value: $0)
                }
            }
        }
        #expect(producer.flush(timeoutMilliseconds: 30_000))
        let consumer = try Consumer(
            settings: [("bootstrap.servers", broker.bootstrapServers), ("group.id", "g")], log: { _ in })
        try consumer.assign(topic: "t", [Position(partition: 0, offset: 0)])
        var prints: [UInt64] = []
        for _ in 0..<300 where prints.count < 4 {
            consumer.poll(timeoutMilliseconds: 100) { records, _ in
                for record in records {
                    #expect(record.timestamp ?? 0 > 1_600_000_000_000)
                    prints.append(record.fingerprint)
                }
            }
        }
        #expect(prints.count == 4)
        #expect(Set(prints).count == 3)
        #expect(prints.first == prints.dropFirst().first)
    }

    @Test(
        "addresses that cannot be one, and what the program decides itself, are refused as settings",
        arguments: [
            ("bootstrap.servers", "localhost:abc"), ("bootstrap.servers", "localhost:0"),
            ("bootstrap.servers", "localhost:65536"), ("bootstrap.servers", "localhost:9092,"),
            ("bootstrap.servers", ""), ("bootstrap.servers", ":9092"), ("bootstrap.servers", "a b:9092"),
            ("bootstrap.servers", "localhost:"), ("bootstrap.servers", "[::1:9092"),
            ("metadata.broker.list", "x:y"), ("auto.offset.reset", "earliest"), ("enable.auto.commit", "true"),
            ("enable.partition.eof", "false"), ("allow.auto.create.topics", "true"),
        ])
    func refused(key: String, value: String) {
        #expect { try ReservedSettings.check([(key, value)]) } throws: { error in
            (error as? KafkaError)?.isInvalidSetting == true
        }
    }

    @Test("names that no topic can have are refused, all others are not")
    func topicNames() throws {
        for name in ["", ".", "..", "a b", "ä", "a/b", String(repeating: "a", count: 250)] {
            #expect { try TopicName.check(name) } throws: { ($0 as? KafkaError)?.isInvalidSetting == true }
        }
        for name in ["a", "...", "A.b_c-9", String(repeating: "a", count: 249)] { try TopicName.check(name) }
    }

    @Test(
        "addresses of every usual form are taken",
        arguments: [
            "localhost", "localhost:9092", "a.example.com:1,b.example.com:65535", "10.0.0.1:9092", "[::1]:9092",
            "[::1]",
            "SASL_SSL://broker:9093", "a:9092, b:9092",
        ])
    func addresses(list: String) throws { try ReservedSettings.check([("bootstrap.servers", list)]) }

    @Test("where a log was cut is read from librdkafka's words; other words are no such thing")
    func truncation() {
        let cut = KafkaError(
            code: -140,
            "Partition log truncation detected at offset 1000 (leader epoch 0): broker end offset is 500 (offset leader "
                + "epoch 0). Reset to INVALID.")
        #expect(cut.isMissingOffset && cut.isLogTruncation)
        #expect(cut.truncationEnd == 500)
        let none = KafkaError(
            code: -140,
            "No epoch found less or equal to offset 7: broker end offset is -1 (offset leader epoch -1).: Local: Partition "
                + "log truncation detected")
        #expect(none.isLogTruncation)
        #expect(none.truncationEnd == nil)
        let gone = KafkaError(code: -140, "fetch failed due to requested offset not available on the broker")
        #expect(gone.isMissingOffset && !gone.isLogTruncation)
        #expect(gone.truncationEnd == nil)
    }
}
