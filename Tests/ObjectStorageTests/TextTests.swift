import Foundation
import Testing

@testable import ObjectStorage

@Suite
struct TimestampTests {
    @Test func `times in the signature's spelling equal Foundation's`() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
        for day in stride(from: -20_000, through: 40_000, by: 61) {
            let seconds = Int64(day) * 86_400 + Int64(day + 20_000) * 7 % 86_400
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(Timestamps.compact(seconds) == expected)
        }
    }

    @Test func `times in headers are read`() {
        #expect(Timestamps.parseHTTP("Mon, 23 Nov 2026 06:50:07 GMT") == 1_795_416_607)
        #expect(Timestamps.parseHTTP("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
    }

    @Test(arguments: [
        "", "yesterday", "2026-11", "2026-13-01T00:00:00Z", "99999999999999999999-1-1T1:1:1Z",
        "Mon, 23 Foo 2026 06:50:07 GMT",
    ])
    func `what is no time is nil`(text: String) {
        #expect(Timestamps.parseHTTP(text) == nil)
    }
}

@Suite
struct PercentEncodingTests {
    @Test func `every byte comes back`() {
        let text = String(decoding: (0...127).map { UInt8($0) }, as: UTF8.self) + "éé😀"
        let encoded = PercentEncoding.encode(text, keepingSlashes: false)
        #expect(encoded.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        #expect(PercentEncoding.decode(encoded).hasSameBytes(as: text))
        #expect(PercentEncoding.encode("a/b c", keepingSlashes: true) == "a/b%20c")
    }

    @Test func `broken escapes stay as they are`() {
        #expect(PercentEncoding.decode("a%zz%4") == "a%zz%4")
        #expect(PercentEncoding.decode("a+b") == "a b")
    }
}

@Suite
struct XMLTests {
    @Test func `elements, text, references and CDATA are read`() throws {
        let text = """
            <?xml version="1.0"?><!-- a > b --><r xmlns="http://x/"><s3:Key a='>'>a&amp;b&#10;&#x41;<![CDATA[<c>]]></s3:Key><e/></r>
            """
        let root = try XMLElement.parse(Array(text.utf8))
        #expect(root.name == "r")
        #expect(root.text("Key") == "a&b\nA<c>")
        #expect(root.children.map(\.name) == ["Key", "e"])
    }

    @Test(arguments: [
        "", "text", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a", "<", "<>", "< />", "<a>&unknown;</a>",
        "<a>&#xD800;</a>",
        "<a>&", "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "<!--", "<![CDATA[", "<a b='>", "<a>&#99999999999;</a>", "<:/>",
        "</>",
    ])
    func `malformed documents are refused`(text: String) {
        #expect(throws: XMLElement.Malformed.self) { try XMLElement.parse(Array(text.utf8)) }
    }

    @Test func `a very deep document is refused without recursion`() {
        let deep = String(repeating: "<a>", count: 200_000)
        #expect(throws: XMLElement.Malformed.self) { try XMLElement.parse(Array(deep.utf8)) }
    }

    @Test func `no damaged document crashes or hangs the reader`() {
        let seed = UInt64.random(in: 0 ... .max)
        print("XML damage, seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let whole = Array(
            "<R><IsTruncated>true</IsTruncated><Contents><Key>a&amp;b</Key><Size>12</Size></Contents><!-- x --><![CDATA[y]]></R>"
                .utf8)
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.removeSubrange(index...)
                default: bytes.insert(contentsOf: bytes[..<index], at: index)
                }
                if bytes.isEmpty { break }
            }
            if let root = try? XMLElement.parse(bytes) { _ = try? S3Listing.page(root) }
        }

    }

    @Test func `text is escaped, or refused where XML cannot carry it`() throws {
        let escaped = try #require(XMLText.escape("a<b>&\r\n\t\"'é"))
        let root = try XMLElement.parse(Array("<a>\(escaped)</a>".utf8))
        #expect(root.text == "a<b>&\r\n\t\"'é")
        #expect(XMLText.escape("a\u{1}") == nil)
    }
}

struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
