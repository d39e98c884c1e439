// Tests of the newest messages and of JSON laid out.

import Base
import Foundation
import Kafka
import TestSupport
import Testing

@testable import TopicBrowser

@Suite struct NewestMessagesTests {
    private func message(_ offset: KafkaOffset, bytes: Int = 10) -> Message {
        Message(
            partition: 0, offset: offset, timestamp: offset.rawValue, key: nil, value: Array(repeating: 1, count: bytes)
        )
    }

    @Test func `the last ones are kept`() {
        var newest = NewestMessages(limit: 3, bytes: 1 << 20)
        for offset in 0..<10_000 { newest.append(message(KafkaOffset(rawValue: Int64(offset)))) }
        #expect(newest.messages.map(\.offset) == [9997, 9998, 9999])
        #expect(!newest.isCutShort)
    }

    @Test func `fewer are kept when they are large, and at least one`() {
        var newest = NewestMessages(limit: 100, bytes: 12_000)
        for offset in 0..<20 { newest.append(message(KafkaOffset(rawValue: Int64(offset)), bytes: 3000)) }
        #expect(newest.messages.map(\.offset) == [17, 18, 19])
        #expect(newest.isCutShort)
        newest.append(message(20, bytes: 100_000))
        #expect(newest.messages.map(\.offset) == [20])
    }
}

@Suite struct PrettyJSONTests {
    private func pretty(_ text: String) -> String? {
        PrettyJSON.text(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `members stand on lines of their own, in their order`() {
        #expect(
            pretty(#"{"b":1, "a":[true,null,-1.5e+3,{}],"c":{"d":"é \" \\ \u0041"},"e":[]}"#)
                == """
                {
                  "b": 1,
                  "a": [
                    true,
                    null,
                    -1.5e+3,
                    {}
                  ],
                  "c": {
                    "d": "é \\" \\\\ \\u0041"
                  },
                  "e": []
                }
                """)
        #expect(pretty(" 5 ") == "5")
        #expect(pretty("\"text\"") == "\"text\"")
    }

    @Test(arguments: [
        "", " ", "{", "}", "{\"a\"}", "{\"a\":}", "{a:1}", "[1,]", "[1 2]", "tru", "1.", "1e", "-", "\"open", "\"a\\",
        "{} {}", "nullx", "\"line\nbreak\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u12", "{\"a\":1,}",
    ])
    func `what is not JSON is left alone`(_ text: String) {
        #expect(pretty(text) == nil)
    }

    @Test func `depth is bounded`() {
        #expect(pretty(String(repeating: "[", count: 100_000)) == nil)
        let deep = String(repeating: "[", count: 150) + String(repeating: "]", count: 150)
        #expect(pretty(deep) != nil)
    }

    @Test func `laid out JSON means the same, and random bytes never break it`() throws {
        let seed = testSeed(for: "laid out JSON")
        var random = SeededRandom(seed: seed)
        let parts = ["{", "}", "[", "]", ",", ":", "\"a\"", "1", "-2.5", "true", "null", " ", "\\", "\"", "é", "\u{7}"]
        for round in 0..<3000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
            }
            .joined()
            let bytes = Array(text.utf8)
            guard let laid = PrettyJSON.text(bytes) else { continue }
            let options: JSONSerialization.ReadingOptions = [.fragmentsAllowed]
            let before = try JSONSerialization.jsonObject(with: Data(bytes), options: options) as? NSObject
            let after = try JSONSerialization.jsonObject(with: Data(laid), options: options) as? NSObject
            #expect(before == after, "seed \(seed), round \(round): \(text)")
        }
    }
}
