// Generates documents that are almost events.

import TestSupport

/// Mutates seed documents. Equal random numbers give equal documents.
struct Mutator {
    var random: SeededRandom

    static let seeds: [[UInt8]] = [
        #"{"user_id": 1234, "postcode": "SW19", "webpage": "www.website.com/index.html", "timestamp": 1611662684}"#,
        #"{"timestamp":1611662684123,"postcode":"E1"}"#,
        #"{"postcode":"SW1A","timestamp":1611662684,"userId":77,"webpage":"w"}"#,
        #"{"postcode":"SW1A 2AA","timestamp":"1611662684","user_id":"77","webpage":null}"#,
        #"{"postcod\u0065":"\u0053W19","time\u0073tamp":1.611662684e9,"user_id":12.0,"webpage":"é\ud83d\ude00\n"}"#,
        #"{"a":{"b":[1,2.5,-3e-7,true,false,null,"x\\y\"z"],"postcode":"E2"},"postcode":"N1","timestamp":1611662684000000}"#,
        #"{"postcode":"E1","postcode":"E2","timestamp":1,"timestamp":1611662684.0,"user_id":null,"user_id":5}"#,
        #"{"postcode":"é😀ÿ߿ࠀ","timestamp":16116626840e-1,"webpage":"","tags":[],"more":{}}"#,
        " \t\r\n{ \"postcode\" : \"W1\" , \"timestamp\" : 99999999999999999 , \"x\" : [ [ [ ] ] ] } \n",
    ].map { Array($0.utf8) }

    /// Valid and invalid pieces of JSON to insert anywhere.
    static let tokens: [[UInt8]] = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "false", "nul", "0", "-0", "1", "-1", "01", "1.",
        ".5", "1e5",
        "1e999", "-1e999", "1e-999", "1.0", "1.5", "1e", "NaN", "Infinity", "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808", "99999999999999999999", "1611662684", "1611662684.0", "1.611662684e9", "16116626840e-1",
        "100000000000000000", "99999999999", "100000000000", "\"\"", "\"1611662684\"", "\"user_id\"", "\"postcode\"",
        "\"webpage\"", "\"timestamp\"", "\"post\\u0063ode\"", "\"\\u0074imestamp\"", "\"postcode\":", "\"timestamp\":",
        "\"postcode\":\"E9\",", ",\"timestamp\":1611662685", ",\"user_id\":null", ",\"webpage\":7", "\\u0000",
        "\\u001f",
        "\\u0080", "\\u00e9", "\\ud83d\\ude00", "\\ud800", "\\udc00", "\\ud800\\u0041", "\\n", "\\/", "\\x", "\\u12",
        "\\\"",
        "\u{FEFF}", "é", "😀", "\u{7F}", "\u{85}", "\u{A0}", "\u{2028}", " ", "\n", "\t", "\r", "\u{1}", "\u{0}",
        "\u{B}", "//",
        "[]", "{}", "[1,2]", "{\"a\":1}", "[1,]", "{\"a\":1,}", "1 2", "+1", "1e+5", "0e0", "0.1e10",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ].map { Array($0.utf8) }

    /// Bytes with a meaning in JSON or UTF-8.
    static let bytes: [UInt8] =
        Array("{}[]\",:\\ 0123456789.eE+-ntfu/abcdef".utf8)
        + [
            0x00, 0x08, 0x09, 0x0A, 0x0D, 0x1F, 0x20, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xC3, 0xE0, 0xED, 0xEF,
            0xF0, 0xF4, 0xF5, 0xFF,
        ]

    mutating func document() -> [UInt8] {
        var document = Self.seeds[random.below(Self.seeds.count)]
        for _ in 0..<(random.oneIn(2) ? 1 : 1 + random.below(3)) { mutate(&document) }
        return document
    }

    private mutating func mutate(_ document: inout [UInt8]) {
        let place = random.below(document.count + 1)
        let end = min(document.count, place + 1 + random.below(8))
        switch random.below(12) {
        case 0 where place < document.count: document[place] ^= 1 << UInt8(random.below(8))
        case 1 where place < document.count: document[place] = Self.bytes[random.below(Self.bytes.count)]
        case 2: document.insert(Self.bytes[random.below(Self.bytes.count)], at: place)
        case 3: document.removeSubrange(place..<end)
        case 4: document.insert(contentsOf: document[place..<end], at: place)
        case 5: document.insert(contentsOf: Self.tokens[random.below(Self.tokens.count)], at: place)
        case 6, 7, 8: swapValue(&document)
        case 9: spliceOther(&document, at: place)
        case 10 where random.oneIn(20): nest(&document)
        default: insertMember(&document)
        }
    }

    /// Replaces the text between a colon and the next comma or bracket with another value.
    private mutating func swapValue(_ document: inout [UInt8]) {
        let from = random.below(document.count + 1)
        guard let colon = document[from...].firstIndex(of: UInt8(ascii: ":")) else { return }
        let start = colon + 1
        let stop =
            document[start...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") } ?? document.count
        document.replaceSubrange(start..<stop, with: Self.tokens[random.below(Self.tokens.count)])
    }

    /// Replaces the end with that of another document.
    private mutating func spliceOther(_ document: inout [UInt8], at place: Int) {
        let other = Self.seeds[random.below(Self.seeds.count)]
        let from = random.below(other.count)
        document.replaceSubrange(place..., with: other[from...])
    }

    /// Nests a value at or near the depth limit.
    private mutating func nest(_ document: inout [UInt8]) {
        guard let brace = document.firstIndex(of: UInt8(ascii: "{")) else { return }
        let depth = 505 + random.below(10)
        let open = random.oneIn(2) ? Array("[".utf8) : Array("{\"a\":".utf8)
        let close = open.count == 1 ? UInt8(ascii: "]") : UInt8(ascii: "}")
        var value = Array("\"deep\":".utf8)
        for _ in 0..<depth { value += open }
        value += [UInt8(ascii: "1")] + [UInt8](repeating: close, count: depth) + [UInt8(ascii: ",")]
        document.insert(contentsOf: value, at: brace + 1)
    }

    /// Inserts a member with a known or an unknown name at the front.
    private mutating func insertMember(_ document: inout [UInt8]) {
        guard let brace = document.firstIndex(of: UInt8(ascii: "{")) else { return }
        let names = ["user_id", "postcode", "webpage", "timestamp", "post\\u0063ode", "x", "\\u0075ser_id"]
        let member =
            Array("\"\(names[random.below(names.count)])\":".utf8) + Self.tokens[random.below(Self.tokens.count)]
        document.insert(contentsOf: member + [UInt8(ascii: ",")], at: brace + 1)
    }
}
