// Tests of valid documents and of JSON documents that are not events.

import Testing

@testable import Ingest

@Suite("Event parser")
struct EventParserTests {
    @Test("the reference's sample event is read")
    func sample() {
        let text =
            #"{"user_id": 1234, "postcode": "SW19", "webpage": "www.website.com/index.html", "timestamp": 1611662684}"#
        #expect(verdict(text) == event(user: 1234, webpage: "www.website.com/index.html"))
    }

    @Test("fields in any order, between unknown fields and white space of every kind")
    func shapes() {
        let same = event(user: 7, webpage: "w")
        let documents = [
            #"{"timestamp":1611662684,"postcode":"SW19","webpage":"w","user_id":7}"#,
            " \t\r\n{ \"timestamp\"\t:\n1611662684\r, \"postcode\" : \"SW19\" ,\"webpage\":\"w\",\"user_id\":7 } \n\t\r ",
            #"{"a":{"postcode":"X","timestamp":1},"user_id":7,"postcode":"SW19","timestamp":1611662684,"webpage":"w"}"#,
            #"{"a":[{"b":[[],{}]},"}",null,true,false,-1.5e-7,"\"{["],"user_id":7,"postcode":"SW19","timestamp":1611662684,"webpage":"w"}"#,
            #"{"":0,"Postcode":1,"postcode ":2,"postcod":3,"post":4,"timestam":5,"timestamps":6,"user_ids":7,"web":8,"user_id":7,"postcode":"SW19","timestamp":1611662684,"webpage":"w"}"#,
        ]
        for document in documents { #expect(verdict(document) == same, "\(document)") }
    }

    @Test("of duplicated keys the last wins, whatever the earlier ones hold")
    func duplicates() {
        let last = #""postcode":"SW19","timestamp":1611662684}"#
        for first in [
            #""postcode":"E1""#, #""postcode":7"#, #""postcode":{"a":[]}"#, #""postcode":null"#, #""timestamp":"x""#,
            #""timestamp":1.5"#, #""timestamp":1e999"#, #""p\u006fstcode":"E1""#, #""timestam\u0070":1"#,
            #""postcode":"","timestamp":-1"#, #""timestamp":99999999999999999999"#,
        ] { #expect(verdict("{\(first),\(last)") == event(), "\(first)") }
        #expect(verdict(#"{"user_id":5,"webpage":"w","user_id":null,"webpage":null,"# + last) == event())
        // One field with two names.
        #expect(verdict(#"{"user_id":5,"userId":7,"# + last) == event(user: 7))
        #expect(verdict(#"{"userId":7,"user_id":5,"# + last) == event(user: 5))
        #expect(verdict(#"{"user_id":5,"userId":null,"# + last) == event())
        #expect(verdict(#"{"\u0075serId":7,"userID":9,"userid":9,"userIds":9,"user_Id":9,"# + last) == event(user: 7))
        #expect(
            verdict(#"{"postcode":"E1","timestamp":1611662684,"postcode":null}"#)
                == .rejected(.missingPostcode, at: 51))
        #expect(
            verdict(#"{"postcode":"SW19","timestamp":1611662684,"postcod\u0065":"E1"}"#) == event("E1"))
        #expect(
            verdict(#"{"postcode":"SW19","timestamp":1,"timestamp":16116626840e-1}"#) == event())
    }

    @Test(
        "keys may be written with escapes",
        arguments: [
            #""post\u0063ode""#, #""\u0070\u006F\u0073\u0074\u0063\u006f\u0064\u0065""#, #""postcod\u0065""#,
        ])
    func escapedKeys(key: String) {
        #expect(verdict("{\(key):\"SW19\",\"timestamp\":1611662684}") == event())
        #expect(verdict("{\(key):5,\"timestamp\":1611662684}") == .rejected(.postcodeType, at: key.utf8.count + 2))
    }

    @Test("every field's key may have escapes; a key that only looks alike is unknown")
    func escapedKeysOfAll() {
        #expect(
            verdict(
                #"{"us\u0065r_id":"12","webp\u0061ge":"w\n","\u0074imestamp":"1611662684","postcode":"SW19","\u0000":1}"#
            )
                == event(user: 12, webpage: "w\n"))
        #expect(
            verdict(
                #"{"post\tcode":"E1","post\\u0063ode":"E2","\ud83d\ude00":3,"postcode":"SW19","timestamp":1611662684}"#)
                == event())
        let long = String(repeating: #"\u0061"#, count: 1000)
        #expect(verdict("{\"\(long)\":1,\"postcode\":\"SW19\",\"timestamp\":1611662684}") == event())
    }

    @Test(
        "a timestamp may be an integer, a number with integral value, or a string of digits",
        arguments: [
            "1611662684", "\"1611662684\"", "1611662684.0", "1611662684.000000", "1.611662684e9", "1.611662684E+9",
            "16116626840e-1", "1611662684e0", "1611662684E-0", "0.1611662684e10", "1611662684000", "1611662684000000",
            "1.611662684e12", "1.611662684e15", "\"1611662684000\"", "\"0001611662684\"", "\"\\u0031611662684\"",
            "161166268400000000000000000000000000000000000000000000000000e-50",
            "0.0000000000000000000000000000000000000000000000000001611662684e61",
            "1611662684.00000000000000000000000000000000000000000000000000000",
        ])
    func timestamps(text: String) {
        for gap in ["", " ", "\n"] {
            #expect(verdict("{\"postcode\":\"SW19\",\"timestamp\":\(gap)\(text)\(gap)}") == event())
            #expect(verdict("{\"timestamp\":\(gap)\(text)\(gap),\"postcode\":\"SW19\"}") == event())
        }
    }

    @Test("the unit of a timestamp goes by its magnitude, and its fraction of a millisecond is kept")
    func units() {
        for (text, time) in [
            ("1", 1_000_000), ("99999999999", 99_999_999_999_000_000), ("100000000000", 100_000_000_000_000),
            ("99999999999999", 99_999_999_999_999_000), ("100000000000000", 100_000_000_000_000),
            ("1611662684123456", 1_611_662_684_123_456), ("99999999999999999", 99_999_999_999_999_999),
        ] as [(String, Int64)] {
            #expect(verdict("{\"postcode\":\"SW19\",\"timestamp\":\(text)}") == event(time: time), "\(text)")
        }
    }

    @Test(
        "a timestamp that is not above zero and below 10^17 is out of range",
        arguments: [
            "0", "-0", "0.0", "-0.0e5", "0e999", "-1", "-1611662684", "-1.0", "100000000000000000", "1e17", "1e18",
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
            "18446744073709551617", "99999999999999999999999999999999999999999", "1e999", "-1e999",
            "1e99999999999999999999",
            "\"0\"", "\"000\"", "\"100000000000000000\"", "\"99999999999999999999\"", "\"18446744073709551617\"",
        ])
    func timestampRange(text: String) {
        let start = "{\"postcode\":\"E\",\"timestamp\":"
        let at = start.utf8.count + (text.hasPrefix("\"") ? 1 : 0)
        #expect(verdict("\(start)\(text)}") == .rejected(.timestampRange, at: at))
    }

    @Test(
        "a timestamp of another kind is refused",
        arguments: [
            "true", "false", "{}", "[]", "[1611662684]", "{\"timestamp\":1611662684}", "1611662684.5", "0.1", "1e-1",
            "1e-999", "1611662684.00000000000000000000000000000000000000001", "16116626841e-1",
            "1e-99999999999999999999",
            "\"\"", "\" 1611662684\"", "\"1611662684 \"", "\"-1611662684\"", "\"+1611662684\"", "\"1611662684.0\"",
            "\"1e9\"", "\"0x10\"", "\"１６\"", "\"2021-01-26T12:04:44Z\"", "\"1611662684\\u0000\"",
        ])
    func timestampType(text: String) {
        let start = "{\"timestamp\":"
        let at = start.utf8.count + (text.hasPrefix("\"") ? 1 : 0)
        #expect(verdict("\(start)\(text),\"postcode\":\"SW19\"}") == .rejected(.timestampType, at: at))
    }

    @Test("user_id: integers of 64 bits, integral numbers and digits; missing and null are null; the rest is refused")
    func users() {
        func read(_ text: String) -> Verdict {
            verdict("{\"user_id\":\(text),\"postcode\":\"SW19\",\"timestamp\":1611662684}")
        }
        for (text, value) in [
            ("0", 0), ("-0", 0), ("-5", -5), ("\"42\"", 42), ("\"00042\"", 42), ("1e3", 1000), ("1.50e1", 15),
            ("9007199254740993.0", 9_007_199_254_740_993), ("90071992547409930e-1", 9_007_199_254_740_993),
            ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
            ("-9223372036854775808.0", Int64.min),
            ("\"9223372036854775807\"", Int64.max), ("9.223372036854775807e18", Int64.max), ("0e99999", 0),
            ("123456789012345678", 123_456_789_012_345_678), ("1234567890123456789", 1_234_567_890_123_456_789),
        ] as [(String, Int64)] { #expect(read(text) == event(user: value), "\(text)") }
        #expect(read("null") == event())
        for text in [
            "9223372036854775808", "-9223372036854775809", "1e19", "-1e19", "1e999", "9223372036854775808.0",
            "99999999999999999999999999999999999999999999",
        ] { #expect(read(text) == .rejected(.userRange, at: 11), "\(text)") }
        #expect(read("\"9223372036854775808\"") == .rejected(.userRange, at: 12))
        for text in ["true", "{}", "[]", "0.5", "1e-400", "-1.25"] {
            #expect(read(text) == .rejected(.userType, at: 11), "\(text)")
        }
        for text in ["\"\"", "\"-5\"", "\"a\"", "\"1 \""] {
            #expect(read(text) == .rejected(.userType, at: 12), "\(text)")
        }
    }

    @Test("webpage: any string; missing and null are null; the rest is refused")
    func webpages() {
        func read(_ text: String) -> Verdict {
            verdict("{\"webpage\":\(text),\"postcode\":\"SW19\",\"timestamp\":1611662684}")
        }
        #expect(read("\"\"") == event(webpage: ""))
        #expect(read("null") == event())
        let everything = #""\" \\ \/ \b \f \n \r \t \u0000 \u001f \u007f \u00e9 \uFFFF \ud83d\ude00 é 😀""#
        #expect(
            read(everything)
                == event(webpage: "\" \\ / \u{8} \u{C} \n \r \t \0 \u{1F} \u{7F} \u{E9} \u{FFFF} 😀 é 😀"))
        let long = String(repeating: "x", count: 100_000)
        #expect(read("\"\(long)\"") == event(webpage: long))
        for text in ["1", "-1.5", "true", "false", "{}", "[\"w\"]"] {
            #expect(read(text) == .rejected(.webpageType, at: 11), "\(text)")
        }
    }

    @Test("postcode: 1 to 64 bytes, kept byte for byte")
    func postcodes() {
        func read(_ text: String) -> Verdict { verdict("{\"postcode\":\"\(text)\",\"timestamp\":1611662684}") }
        let sixtyFour = String(repeating: "é", count: 32)
        for text in ["A", " SW19 ", "SW19 1AA", "é", "e\u{301}", "😀", "\u{FEFF}", "\u{A0}", "\u{2028}", sixtyFour] {
            #expect(read(text) == event(text), "\(text.debugDescription)")
        }
        #expect(read(#"\u00e9"#) == event("é"))
        #expect(read(#"\ud83d\ude00\/\\\""#) == event("😀/\\\""))
        // 64 bytes, with or without escapes.
        #expect(read(String(repeating: #"\u00e9"#, count: 32)) == event(sixtyFour))
        for text in [
            "", sixtyFour + "x", String(repeating: #"\u00e9"#, count: 33), String(repeating: "x", count: 5000),
        ] {
            #expect(read(text) == .rejected(.postcodeLength, at: 13))
        }
    }

    @Test("control characters in a postcode, C0, DEL and C1, are refused however they are written")
    func postcodeControls() {
        for code in Array(0x00...0x1F) + Array(0x7F...0x9F) {
            let digits = String(code, radix: 16)
            let escape = "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            let document = "{\"postcode\":\"SW\(escape)19\",\"timestamp\":1611662684}"
            #expect(verdict(document) == .rejected(.postcodeControl, at: 13), "\(escape)")
            guard code >= 0x7F, let scalar = Unicode.Scalar(code) else { continue }
            let plain = "{\"postcode\":\"\(Character(scalar))\",\"timestamp\":1611662684}"
            #expect(verdict(plain) == .rejected(.postcodeControl, at: 13), "\(escape), unescaped")
        }
        // Their neighbours are not control characters.
        for scalar in ["\u{20}", "\u{7E}", "\u{A0}", "\u{A1}", "\u{102}"] {
            #expect(verdict("{\"postcode\":\"\(scalar)\",\"timestamp\":1611662684}") == event(scalar))
        }
    }

    @Test(
        "a postcode of another type, and a missing one",
        arguments: [
            ("{\"postcode\":1,\"timestamp\":1}", Rejection.postcodeType, 12),
            ("{\"postcode\":true,\"timestamp\":1}", .postcodeType, 12),
            ("{\"postcode\":{\"postcode\":\"E1\"},\"timestamp\":1}", .postcodeType, 12),
            ("{\"postcode\":[\"E1\"],\"timestamp\":1}", .postcodeType, 12),
            ("{\"postcode\": null,\"timestamp\":1}", .missingPostcode, 13),
            ("{\"timestamp\":1}", .missingPostcode, 0),
            ("{}", .missingPostcode, 0),
            ("{ }", .missingPostcode, 0),
            ("{\"postcode\":\"E1\"}", .missingTimestamp, 0),
            ("{\"postcode\":\"E1\",\"timestamp\":null}", .missingTimestamp, 29),
            ("{\"POSTCODE\":\"E1\",\"Timestamp\":1}", .missingPostcode, 0),
        ])
    func missing(document: String, reason: Rejection, position: Int) {
        #expect(verdict(document) == .rejected(reason, at: position))
    }

    @Test("a parser is not changed by what it read before")
    func reuse() {
        let parser = EventParser()
        let good = Array(#"{"postcode":"\u0053W19","webpage":"\n","timestamp":1611662684}"#.utf8)
        for bad in ["", "{", "[]", #"{"postcode":""#, String(repeating: "[", count: 10_000)] {
            _ = parser.verdict(Array(bad.utf8))
            #expect(parser.verdict(good) == event(webpage: "\n"))
        }
        let long = String(repeating: #"\u00e9"#, count: 50_000)
        let large = "{\"webpage\":\"\(long)\",\"postcode\":\"\\u0053W19\",\"timestamp\":1611662684}"
        #expect(parser.verdict(Array(large.utf8)) == event(webpage: String(repeating: "é", count: 50_000)))
        #expect(parser.verdict(good) == event(webpage: "\n"))
    }
}
