// Log lines: their two forms, and repeats.

import Base
import Foundation
import Testing

@testable import Log

@Suite("Log lines")
struct LogTests {
    private func line(
        _ format: LogFormat, _ text: String, _ facts: Logger.Metadata = [:], suppressed: Int = 0
    ) -> String {
        StandardErrorLog.line(
            format, level: .warning, text: text, facts: facts, suppressed: suppressed, time: "2026-01-02T03:04:05Z")
    }

    @Test("a line of text is time, level, message")
    func text() {
        #expect(line(.text, "away") == "2026-01-02T03:04:05Z warning  away\n")
        let facts: Logger.Metadata = [
            "topic": "t", "partition": .stringConvertible(3), "why": "a b", "offsets": ["0": .stringConvertible(5)],
        ]
        #expect(line(.text, "away", facts).hasSuffix(" away [offsets={\"0\":5} partition=3 topic=t why=\"a b\"]\n"))
        #expect(line(.text, "away", suppressed: 3).hasSuffix(" away (3 repeats suppressed before)\n"))
    }

    @Test("a line of JSON is one object with the topic, partition and offset as members of their own")
    func json() throws {
        let facts: Logger.Metadata = [
            "topic": "a \"t\"", "partition": .stringConvertible(PartitionID(rawValue: 3)),
            "offset": .stringConvertible(KafkaOffset(rawValue: 12_345_678_901)), "number": .stringConvertible(Int32(7)),
            "group": "123", "ends": ["0": .array([.stringConvertible(1), .stringConvertible(2)])],
        ]
        let line = line(.json, "it \"is\"\taway", facts)
        #expect(line.hasSuffix("}\n") && line.filter { $0 == "\n" }.count == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["message"] as? String == "it \"is\"\taway")
        #expect(object["level"] as? String == "warning" && object["topic"] as? String == "a \"t\"")
        #expect(object["partition"] as? Int == 3 && object["offset"] as? Int == 12_345_678_901)
        #expect(object["number"] as? Int == 7)
        #expect(object["group"] as? String == "123", "a text of digits stays one")
        #expect((object["ends"] as? [String: [Int]]) == ["0": [1, 2]])
    }

    @Test("complaints that differ in numbers alone are the same, unless they are about different things")
    func kinds() {
        func kind(_ text: String, _ level: Logger.Level = .warning, _ facts: Logger.Metadata = [:]) -> String {
            StandardErrorLog.kind(level, text, facts)
        }
        #expect(kind("refused after 12 ms") == kind("refused after 7 ms"))
        #expect(kind("refused") != kind("timed out") && kind("refused") != kind("refused", .error))
        #expect(kind("gone", .warning, ["partition": "1"]) != kind("gone", .warning, ["partition": "2"]))
        #expect(kind("gone", .warning, ["offset": "1"]) == kind("gone", .warning, ["offset": "2"]))
        #expect(kind("exported 5", .info) != kind("exported 6", .info))
    }

    @Test("a message is written at most every ten seconds, with the number of suppressed repeats")
    func repeats() {
        let repeats = RepeatedMessages()
        #expect(repeats.admit("a", now: 0) == 0)
        #expect(repeats.admit("b", now: 1) == 0)
        #expect(repeats.admit("a", now: 5000) == nil)
        #expect(repeats.admit("a", now: 9999) == nil)
        #expect(repeats.admit("a", now: 10_000) == 2)
        #expect(repeats.admit("a", now: 20_000) == 0)
    }

    @Test("a thread that read its clock earlier than another one is written as at the same time")
    func clocksOfThreads() {
        let repeats = RepeatedMessages()
        #expect(repeats.admit("a", now: 1001) == 0)
        #expect(repeats.admit("a", now: 1000) == nil)
        for number in 0..<600 { #expect(repeats.admit("\(number)", now: 999) == 0) }
    }

    @Test("ever new messages do not fill the memory")
    func bounded() {
        let repeats = RepeatedMessages()
        for number in 0..<10_000 { #expect(repeats.admit("\(number)", now: 1) == 0) }
        #expect(repeats.count <= 500)
    }
}

/// Lines for systemd's journal.
@Suite("Marks for the journal")
struct JournalTests {
    @Test("only the stream that JOURNAL_STREAM names is the journal's")
    func stream() {
        #expect(Journal.isStream("8:42", device: 8, inode: 42))
        #expect(!Journal.isStream("8:42", device: 8, inode: 43))
        #expect(!Journal.isStream("8:421", device: 8, inode: 42))
        #expect(!Journal.isStream(nil, device: 8, inode: 42) && !Journal.isStream("", device: 0, inode: 0))
    }

    @Test("a graver level has a smaller number, as in syslog")
    func marks() {
        #expect(Logger.Level.allCases.map(Journal.mark) == ["<7>", "<7>", "<6>", "<5>", "<4>", "<3>", "<2>"])
        // Here standard error is no journal.
        #expect(Journal.prefix(.error) == "")
    }
}
