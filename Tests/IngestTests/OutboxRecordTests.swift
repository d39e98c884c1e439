// Tests of how records of the late topic are made and recognised.

import Base
import Kafka
import State
import Testing

@testable import Ingest

@Suite struct OutboxRecordTests {
    private func message(_ headers: [(String, String?)], key: String? = nil) -> Message {
        Message(
            partition: 0, offset: 0, timestamp: nil, key: key.map { Array($0.utf8) }, value: [],
            headers: headers.map { Message.Header(name: $0.0, value: $0.1.map { Array($0.utf8) }) })
    }

    @Test func `a record carries the source's key, headers and timestamp, and where it came from`() throws {
        let headers = [
            Message.Header(name: "trace", value: [1, 2]), Message.Header(name: "empty", value: []),
            Message.Header(name: "null", value: nil), Message.Header(name: "trace", value: [3]),
        ]
        let source = SourceEnvelope(Envelope(key: [0, 255], headers: headers, timestamp: 42))
        let row = OutboxRow(number: 9, partition: 3, offset: 77, payload: [], envelope: source)
        let envelope = OutboxRecord.envelope(row, stateID: "abc", topic: "views")
        #expect(envelope.key == [0, 255])
        #expect(envelope.timestamp == 42)
        #expect(Array(envelope.headers.prefix(4)) == headers)
        let found = OutboxRecord(
            Message(partition: 0, offset: 0, timestamp: 42, key: envelope.key, value: [], headers: envelope.headers))
        let record = try #require(found)
        #expect(
            record
                == OutboxRecord(
                    stateID: "abc", number: 9, topic: "views", origin: OutboxOrigin(partition: 3, offset: 77)))
    }

    @Test func `of headers that a source has already the last counts`() throws {
        let found = try #require(
            OutboxRecord(
                message([
                    ("pageviews-outbox", "old:1"), ("pageviews-topic", "a"), ("pageviews-partition", "1"),
                    ("pageviews-offset", "2"), ("pageviews-topic", "b"), ("pageviews-partition", "3"),
                    ("pageviews-offset", "4"), ("pageviews-outbox", "new:5"),
                ])))
        #expect(
            found
                == OutboxRecord(
                    stateID: "new", number: 5, topic: "b", origin: OutboxOrigin(partition: 3, offset: 4)))
    }

    @Test(arguments: [nil, "", ":1", "abc", "abc:", "abc:x", "abc:1:2"] as [String?])
    func `other records are not ours`(header: String?) {
        #expect(OutboxRecord(message([("pageviews-outbox", header)])) == nil)
        #expect(OutboxRecord(message([])) == nil)
    }

    @Test(
        arguments: [
            ("0/99", OutboxOrigin(partition: 0, offset: 99)), ("", nil), ("0", nil), ("0/", nil), ("/7", nil),
            ("a/b", nil), ("0/1/2", nil), ("99999999999/1", nil),
        ] as [(String, OutboxOrigin?)])
    func `records of earlier versions have their origin as the key`(key: String, origin: OutboxOrigin?) {
        #expect(OutboxRecord(message([("pageviews-outbox", "abc:1")], key: key))?.origin == origin)
    }

    @Test func `a cut blob of headers gives those before the fault`() throws {
        let headers = [Message.Header(name: "a", value: [1]), Message.Header(name: "b", value: nil)]
        let bytes = try #require(HeaderCodec.encode(headers))
        #expect(HeaderCodec.decode(bytes) == headers)
        #expect(HeaderCodec.encode([]) == nil)
        for count in bytes.indices {
            #expect(HeaderCodec.decode(Array(bytes.prefix(count))) == Array(headers.prefix(count < 10 ? 0 : 1)))
        }
        #expect(HeaderCodec.decode([0xFF, 0xFF, 0xFF, 0xFE, 1]) == [])
    }

    @Test func `the identity names source, group, topic and partitions`() {
        var settings = OutboxSettings(name: .late, topic: "late", kafka: [], bootstrapServers: "")
        (settings.sourceTopic, settings.group) = ("views", "g")
        #expect(settings.transactionalID == "pageviews-late-views-g-late")
        settings.partitions = [10, 2]
        #expect(settings.transactionalID == "pageviews-late-views-g-late-p2.10")
    }
}
