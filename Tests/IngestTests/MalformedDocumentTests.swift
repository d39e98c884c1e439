// Tests of messages that are not JSON: the reason and the position.

import Base
import Testing

@testable import Ingest

@Suite("Messages that are not JSON")
struct MalformedDocumentTests {
    static let valid = #"{"user_id":12,"postcode":"S\u0057é😀","a":[-1.5e+3,true,{"b":null}],"timestamp":1611662684}"#

    @Test("a message cut at any byte is refused as truncated, or as no UTF-8 inside a character")
    func truncatedAnywhere() {
        let bytes = Array(Self.valid.utf8)
        let parser = EventParser()
        guard case .event = parser.verdict(bytes) else {
            Issue.record("the whole message is valid")
            return
        }
        for length in 0..<bytes.count {
            let verdict = parser.verdict(Array(bytes[..<length]))
            guard case .rejected(let reason, let position) = verdict else {
                Issue.record("\(length) bytes were taken for an event")
                continue
            }
            let cutInside = length < bytes.count && bytes[length] & 0xC0 == 0x80
            let expected: Rejection = length == 0 ? .empty : cutInside ? .invalidUTF8 : .truncated
            #expect(reason == expected, "\(length) bytes")
            #expect(position <= length && position >= 0, "\(length) bytes")
            if expected == .truncated { #expect(position == length, "\(length) bytes") }
        }
    }

    @Test("nothing but white space is empty", arguments: ["", " ", "\n", " \t\r\n "])
    func empty(text: String) {
        #expect(verdict(text) == .rejected(.empty, at: 0))
    }

    @Test(
        "JSON that is no object is refused where it starts",
        arguments: [
            ("[]", 0), ("[{\"postcode\":\"E1\",\"timestamp\":1}]", 0), ("\"text\"", 0), (" 12", 1), ("-1.5e3", 0),
            ("true", 0),
            ("\n\nnull", 2), ("false", 0),
        ])
    func noObject(text: String, position: Int) {
        #expect(verdict(text) == .rejected(.notObject, at: position))
    }

    @Test(
        "an unexpected byte is named by its place",
        arguments: [
            ("x", 0), ("nul!", 3), ("{x}", 1), ("{'a':1}", 1), ("{,}", 1), ("{\"a\"}", 4), ("{\"a\" 1}", 5),
            ("{\"a\":}", 5), ("{\"a\":,}", 5), ("{\"a\":1,}", 7), ("{\"a\":1,,\"b\":2}", 7), ("{\"a\":1 \"b\":2}", 7),
            ("{\"a\":1]", 6), ("{\"a\":[1}", 7), ("{\"a\":[1,]}", 8), ("{\"a\":[,1]}", 6), ("{\"a\":{\"b\":1,}}", 12),
            ("{\"a\":{1:2}}", 6), ("{\"a\":[1 2]}", 8), ("{\"a\":tru}", 8), ("{\"a\":True}", 5), ("{\"a\":nullx}", 9),
            ("{\"a\":NaN}", 5), ("{\"a\":Infinity}", 5), ("{\"a\":-Infinity}", 6), ("{\"a\":+1}", 5), ("{\"a\":.5}", 5),
            ("{\"a\":01}", 6), ("{\"a\":-01}", 7), ("{\"a\":1_000}", 6), ("{\"a\":0x10}", 6), ("{\"a\":1}\u{0}", 7),
            ("/**/{}", 0), ("{/**/}", 1), ("{\"a\":1\u{A0}}", 6), ("\u{FEFF}{}", 0),
            ("{\"timestamp\":01,\"postcode\":\"E\"}", 14),
            ("{\"timestamp\":1 2}", 15), ("{\"timestamp\":1a}", 14), ("{\"postcode\" \"E1\"}", 12),
            ("{\"postcode\"}", 11),
            ("{\"postcode\":\"E1\"\"timestamp\":1}", 16), ("{\"a\":\"b\" \"c\"}", 9),
        ])
    func unexpected(text: String, position: Int) {
        guard case .rejected(let reason, let at) = verdict(text) else {
            Issue.record("\(text) was taken for an event")
            return
        }
        let expected: Rejection =
            text.hasSuffix("\u{0}") ? .trailing : text.contains(":-I") ? .number : .syntax
        #expect(reason == expected, "\(text)")
        #expect(at == position, "\(text)")
    }

    @Test(
        "something after the object is refused",
        arguments: [("{} {}", 3), ("{}}", 2), ("{}x", 2), ("{},", 2), ("{}\u{0}", 2), ("{}\u{FEFF}", 2), ("{} \n1", 4)])
    func trailing(text: String, position: Int) {
        #expect(verdict(text) == .rejected(.trailing, at: position))
    }

    @Test(
        "malformed numbers",
        arguments: [
            ("-", 6), ("-a", 6), ("1.", 7), ("1.a", 7), ("1.e5", 7), ("1e", 7), ("1e+", 8), ("1E-", 8), ("-.5", 6),
            ("1.5e", 9),
            ("--1", 6), ("0.", 7),
        ])
    func numbers(text: String, position: Int) {
        #expect(verdict("{\"a\":\(text)}") == .rejected(.number, at: position))
        let later = position + "timestamp".count - 1
        #expect(verdict("{\"timestamp\":\(text)}") == .rejected(.number, at: later))
    }

    @Test(
        "invalid escapes are named by their backslash or digit",
        arguments: [
            (#"\x41"#, Rejection.escape, 6), (#"\'"#, .escape, 6), (#"\ "#, .escape, 6), (#"\u12"#, .escape, 10),
            (#"\u12g4"#, .escape, 10), (#"\u 123"#, .escape, 8), (#"\u+123"#, .escape, 8), (#"\U0041"#, .escape, 6),
            (#"ab\0"#, .escape, 8), (#"\ud800"#, .surrogate, 6), (#"\ud800x"#, .surrogate, 6),
            (#"\ud800\n"#, .surrogate, 6), (#"\ud800A"#, .surrogate, 6), (#"\ud800\u0041"#, .surrogate, 6),
            (#"\ud800\ud800"#, .surrogate, 6), (#"\udc00"#, .surrogate, 6), (#"\udbff\ue000"#, .surrogate, 6),
            (#"a\udfff\ud800"#, .surrogate, 7), (#"\ud83d\ude00\ude00"#, .surrogate, 18), (#"\ud800\u12"#, .escape, 16),
        ])
    func escapes(text: String, reason: Rejection, position: Int) {
        #expect(verdict("{\"a\":\"\(text)\"}") == .rejected(reason, at: position))
        #expect(verdict("{\"\(text)\":1}") == .rejected(reason, at: position - 4))
        let postcode = verdict("{\"timestamp\":1,\"postcode\":\"\(text)\"}")
        #expect(postcode == .rejected(reason, at: position + 21))
    }

    @Test("a control character in a string is refused, wherever in a word of eight bytes it stands")
    func controls() {
        for code in 0..<UInt8(0x20) {
            for before in 0..<17 {
                let text = [UInt8](repeating: 0x61, count: before) + [code] + Array("bcdefghijklmnop".utf8)
                let document = Array("{\"a\":\"".utf8) + text + Array("\"}".utf8)
                #expect(EventParser().verdict(document) == .rejected(.controlInString, at: 6 + before))
            }
        }
    }

    @Test("NUL bytes are refused wherever they stand")
    func nulBytes() {
        let bytes = Array(#"{"postcode":"SW19","timestamp":1611662684}"#.utf8)
        let parser = EventParser()
        for place in 0...bytes.count {
            var document = bytes
            document.insert(0, at: place)
            guard case .rejected(_, let position) = parser.verdict(document) else {
                Issue.record("a NUL at \(place) was taken for an event")
                continue
            }
            #expect(position == place, "NUL at \(place)")
        }
    }

    /// Every kind of invalid UTF-8 (Unicode, table 3-7), with the position of the fault.
    static let invalidUTF8: [[UInt8]] =
        (0x80...0xC1).map { [$0, 0x80] }  // continuation bytes without a lead; overlong C0, C1
        + (0xF5...0xFF).map { [$0, 0x80, 0x80, 0x80] }  // leads beyond U+10FFFF
        + [
            [0xC3], [0xC3, 0x28], [0xC3, 0xC3], [0xDF, 0x7F], [0xE0, 0x9F, 0xBF], [0xE0, 0x80, 0x80],
            [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28], [0xEF, 0xBF, 0xC0],
            [0xE1, 0x7F, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xF0, 0x28, 0x98, 0x80],
            [0xF0, 0x9F, 0x28, 0x80], [0xF0, 0x9F, 0x98, 0x28], [0xF4, 0x90, 0x80, 0x80], [0xF1, 0xC0, 0x80, 0x80],
            [0xF3, 0x80, 0x80, 0xC0],
        ]

    @Test("bytes that are not UTF-8 are refused in values, keys and known fields", arguments: invalidUTF8)
    func notUTF8(bytes: [UInt8]) {
        for before in [0, 1, 6, 7, 8] {
            let text = [UInt8](repeating: 0x61, count: before) + bytes
            let value = Array("{\"a\":\"".utf8) + text + Array("bcdefghij\"}".utf8)
            #expect(EventParser().verdict(value) == .rejected(.invalidUTF8, at: 6 + before))
            let key = Array("{\"".utf8) + text + Array("\":1}".utf8)
            #expect(EventParser().verdict(key) == .rejected(.invalidUTF8, at: 2 + before))
            let postcode = Array("{\"timestamp\":1,\"postcode\":\"".utf8) + text + Array("\"}".utf8)
            #expect(EventParser().verdict(postcode) == .rejected(.invalidUTF8, at: 27 + before))
        }
        guard case .rejected = EventParser().verdict(bytes + Array("{}".utf8)) else {
            Issue.record("taken for an event")
            return
        }
    }

    @Test("the first and last characters of every UTF-8 length are taken")
    func validUTF8() {
        for scalar in [
            0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF,
        ] {
            let text = Unicode.Scalar(UInt32(scalar)).map { String(Character($0)) } ?? ""
            let document = "{\"webpage\":\"\(text)\",\"postcode\":\"SW19\",\"timestamp\":1611662684}"
            #expect(verdict(document) == event(webpage: text), "U+\(String(scalar, radix: 16))")
        }
    }

    @Test("UTF-16 and UTF-32 are refused")
    func otherEncodings() {
        let text = #"{"postcode":"SW19","timestamp":1611662684}"#
        let little = text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let big = text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let wide = text.unicodeScalars.flatMap { [UInt8($0.value & 0xFF), 0, 0, 0] }
        for bytes in [little, big, wide, [0xFF, 0xFE] + little, [0xFE, 0xFF] + big] {
            guard case .rejected = EventParser().verdict(bytes) else {
                Issue.record("taken for an event")
                continue
            }
        }
    }

    @Test("nesting of 512 levels, the object itself included, is taken; 513 and 10,000 are refused")
    func nesting() {
        func document(_ levels: Int, _ open: String, _ close: String, inside: String = "") -> String {
            let value =
                String(repeating: open, count: levels - 1) + inside + String(repeating: close, count: levels - 1)
            return "{\"postcode\":\"SW19\",\"timestamp\":1611662684,\"a\":\(value)}"
        }
        for levels in [2, 63, 64, 65, 66, 511, 512] {
            #expect(verdict(document(levels, "[", "]")) == event(), "\(levels) arrays")
            #expect(verdict(document(levels, "{\"a\":", "}", inside: "1")) == event(), "\(levels) objects")
            // Arrays and objects alternate, with siblings before and after.
            let pairs = document(levels / 2, "[{}, {\"b\":[], \"a\":", "}, 2]", inside: "[3]")
            #expect(verdict(pairs) == event(), "\(levels) mixed")
        }
        for levels in [513, 514, 10_000, 1_000_000] {
            #expect(verdict(document(levels, "[", "]")) == .rejected(.depth, at: 46 + 511), "\(levels) arrays")
            guard case .rejected(.depth, _) = verdict(document(levels, "{\"a\":", "}")) else {
                Issue.record("\(levels) objects were not refused for their depth")
                continue
            }
        }
        // Unclosed brackets, and surplus closing ones.
        guard case .rejected = verdict("{\"a\":" + String(repeating: "[", count: 511)) else {
            Issue.record("an open document was taken")
            return
        }
        guard case .rejected(.depth, _) = verdict(String(repeating: "[", count: 10_000)) else {
            Issue.record("10,000 arrays were not refused for their depth")
            return
        }
    }

    @Test("a message of 5 MB is read, or refused, as a short one is")
    func large() {
        let megabytes = String(repeating: "abcdefé ", count: 5_000_000 / 9)
        #expect(
            verdict("{\"a\":\"\(megabytes)\",\"postcode\":\"SW19\",\"timestamp\":1611662684}") == event())
        let count = megabytes.utf8.count
        #expect(verdict("{\"a\":\"\(megabytes)\u{1}\"}") == .rejected(.controlInString, at: 6 + count))
        #expect(verdict("{\"postcode\":\"\(megabytes)\",\"timestamp\":1}") == .rejected(.postcodeLength, at: 13))
        #expect(verdict(megabytes) == .rejected(.syntax, at: 0))
        let digits = String(repeating: "9", count: 5_000_000)
        #expect(verdict("{\"postcode\":\"E1\",\"timestamp\":\(digits)}") == .rejected(.timestampRange, at: 29))
        #expect(verdict("{\"postcode\":\"E1\",\"timestamp\":0.\(digits)}") == .rejected(.timestampType, at: 29))
        #expect(verdict("{\"postcode\":\"E1\",\"timestamp\":1e\(digits)}") == .rejected(.timestampRange, at: 29))
        let zeros = String(repeating: "0", count: 5_000_000)
        #expect(verdict("{\"postcode\":\"E1\",\"timestamp\":1\(zeros)e-5000000}") == event("E1", time: 1_000_000))
    }
}
