// What is refused, and in which words; and that no bytes whatever crash, hang or get a second line of message.

import TestSupport
import Testing

@testable import YAML

@Suite("YAML refusals")
struct RefusalTests {
    @Test(
        "each refusal is one line with file, line and what to do",
        arguments: [
            ("a: &x 1\nb: *x\n", "2: *x is an alias, which is not supported; write the value itself, in quotes"),
            ("a: 1\nb: 2\na: 3\n", "3: a was given before, in line 1; remove one of the two"),
            ("{\"a\": 1, \"a\": 2}", "1: a was given before, in line 1"),
            ("c:\n  a: 1\n  a: 2\n", "3: a was given before, in line 2"),
            ("a: 1\nb: !!int 1\n", "2: the tag !!int is not supported; remove it, or put the value in quotes"),
            ("a: !x [1]\n", "1: the tag !x is not supported"),
            ("!!map {a: 1}\n", "1: the tag !!map is not supported"),
            ("a: ! x\n", "1: the tag ! is not supported"),
            ("# c\n%TAG ! tag:x,2000:\n---\na: 1\n", "2: a %TAG line; tags are not supported, remove it"),
            ("%OTHER x\n---\na: 1\n", "1: not YAML: found unknown directive name while scanning a directive; remove"),
            ("a: 1\n\0", "2: a NUL byte; is this a text file? Remove the byte"),
            ("a: \"\\0\"\n", "1: a text with the character NUL; remove the \\0 or \\x00"),
            ("a: 1\r\nb: \u{1}\n", "2: the control character U+0001; remove it"),
            ("a: \u{9B}\n", "1: the control character U+009B; remove it"),
            ("a: b\u{2028}c\n", "1: the line end U+2028, which editors do not show as one; remove it"),
            ("a: b\u{85}c\n", "1: the line end U+0085, which"),
            ("a: 1\n\u{FEFF}b: 2\n", "2: a byte order mark inside the file; remove it"),
            ("a: \u{FFFF}\n", "1: U+FFFF, which is not a character; remove it"),
            ("a:\n\tb: 1\n", "2: not YAML: a tab as indentation; indent with spaces"),
            ("a: 1\n\tb: 2\n", "2: not YAML: a tab as indentation; indent with spaces"),
            ("a: |\n\tx\n", "2: not YAML: a tab as indentation; indent with spaces"),
            ("é:\n  b: 1\n \tc: 1\n", "3: not YAML: a tab as indentation; indent with spaces"),
            ("a: 1\n---\nb: 2\n", "2: a second document begins here; keep one document per file"),
            ("---\n---\n", "2: a second document begins here"),
            ("? [a]\n: b\n", "1: a name must be a text; write NAME: VALUE"),
            ("{{a: b}: c}\n", "1: a name must be a text; write NAME: VALUE"),
            ("~: b\n", "1: a value without a name; write NAME: VALUE"),
            ("{~: b}\n", "1: a value without a name; write NAME: VALUE"),
            (": b\n", "1: not YAML: did not find expected key while parsing a block mapping; indent"),
            ("*x : b\n", "1: *x is an alias"),
            ("<<: {a: 1}\n", "1: << is a merge key, which is not supported; write the settings themselves"),
            (
                "a: 1\nb: [x\n",
                "2: not YAML: did not find expected ',' or ']' while parsing a flow sequence; put commas"
            ),
            ("a: 1\nb: {x: 1\n\n\n", "2: not YAML: did not find expected ',' or '}' while parsing a flow mapping;"),
            (
                "a: 1\nb: \"x\nc: 2\n",
                "2: not YAML: found unexpected end of stream while scanning a quoted scalar; close"
            ),
            ("a: b: c\n", "1: not YAML: mapping values are not allowed in this context; put the value in quotes"),
            ("a: - b\n", "1: not YAML: block sequence entries are not allowed in this context; begin the list"),
            ("a: 1\n b: 2\n", "2: not YAML: mapping values are not allowed"),
            ("a: @x\n", "1: not YAML: found character that cannot start any token while scanning for the next token;"),
            ("a: \"\\q\"\n", "1: not YAML: found unknown escape character while parsing a quoted scalar; double the"),
            ("a: 1\nb\n", "2: not YAML: could not find expected ':' while scanning a simple key; write NAME: VALUE"),
        ])
    func refusals(text: String, words: String) {
        let error = refusal(Array(text.utf8), name: "s.yaml")
        #expect(error?.description.hasPrefix("s.yaml:" + words) == true, "\(error?.description ?? "read")")
        #expect(error?.line == Int(words.prefix { $0 != ":" }))
        #expect(error?.description.contains("\n") == false)
    }

    @Test(
        "bytes that are not UTF-8 are refused with their line",
        arguments: [
            [0xFF, 0xFE, 0x61, 0x00], [0x61, 0x3A, 0x20, 0xE9, 0x0A], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80],
            [0xF4, 0x90, 0x80, 0x80],
        ])
    func encodings(bytes: [UInt8]) {
        let error = refusal(Array("# one\n".utf8) + bytes, name: "s.yaml")
        #expect(error?.description == "s.yaml:2: not UTF-8; save the file as UTF-8")
        #expect(error?.line == 2)
    }

    @Test("texts of the file and its name cannot break the message's line")
    func messages() {
        let long = String(repeating: "k", count: 100)
        #expect(refusal("\"a\\nb\": 1\n\"a\\nb\": 2\n")?.description.contains(#"s.yaml:2: a\u{A}b was given"#) == true)
        #expect(refusal("\(long): 1\n\(long): 2\n")?.description.contains(long.prefix(60) + "... was given") == true)
        #expect(refusal([0], name: "a\nb")?.description.hasPrefix(#"a\u{A}b:1: a NUL byte"#) == true)
    }

    @Test("nested aliases and other large inputs end at once")
    func hostile() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"]
        var laughs = "a: &a [x]\n"
        for (before, name) in zip(names, names.dropFirst()) {
            laughs += "\(name): &\(name) [" + Array(repeating: "*\(before)", count: 9).joined(separator: ", ") + "]\n"
        }
        let clock = ContinuousClock()
        let time = clock.measure { #expect(refusal(laughs)?.line == 2) }
        // Read in full, this is 9 to the power of 8 values. It takes about a millisecond.
        #expect(time < .seconds(5), "\(time)")
        let tags = (0..<20_000).map { "%TAG !t\($0)! x\n" }.joined()
        for text in [String(repeating: "[", count: 100_000), String(repeating: "- ", count: 50_000), tags] {
            #expect(refusal(text)?.line == 1)
        }
    }

    @Test("changed documents are read or refused in one line, and never crash")
    func mutations() {
        var random = SeededRandom(seed: testSeed(for: "YAML mutations"))
        let seeds = [
            "topic: a\nkafka-config:\n  security.protocol: ssl\n  - x\n",
            "{\"a\": [1, {\"b\": null}], \"c\": \"\\u00e9\"}",
            "%YAML 1.1\n--- # c\na: |\n  x\nb: >-\n  y\nc: &x 'q'\nd: \"\\x41\"\n...\n",
            "? a\n: - b\n  - [c, d]\n# é😀\n",
        ].map { Array($0.utf8) }
        let pieces = [
            ":", "- ", "[", "]", "{", "}", ",", "\n", "\t", "'", "\"", "#", "&a", "*a", "!", "|", ">", "?", "%", "\\",
            "~",
            "\r", "---\n", "...\n", "\0", "\u{2028}", "\u{FEFF}", "<<: ",
        ].map { Array($0.utf8) }
        for round in 0..<3000 {
            var bytes = seeds[random.below(seeds.count)]
            for _ in 0...random.below(4) {
                let place = random.below(bytes.count + 1)
                switch random.below(4) {
                case 0: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(5)))
                case 1: bytes.insert(UInt8(random.below(256)), at: place)
                default: bytes.insert(contentsOf: pieces[random.below(pieces.count)], at: place)
                }
            }
            guard let error = refusal(bytes, name: "s.yaml") else { continue }
            let lines = bytes.split(omittingEmptySubsequences: false) { $0 == 0x0A || $0 == 0x0D }.count
            #expect((1...lines).contains(error.line ?? 0), "seed \(random.seed), round \(round): \(error)")
            #expect(error.description.hasPrefix("s.yaml:\(error.line ?? 0): "))
            #expect(!error.description.contains { $0.isNewline })
        }
    }

    private func refusal(_ text: String) -> YAMLError? { refusal(Array(text.utf8), name: "s.yaml") }

    private func refusal(_ bytes: [UInt8], name: String) -> YAMLError? {
        do throws(YAMLError) {
            _ = try YAMLDocument.parse(bytes, name: name)
            return nil
        } catch {
            return error
        }
    }
}
