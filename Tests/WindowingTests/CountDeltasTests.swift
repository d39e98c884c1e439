// The hash table of counts compared with a dictionary.

import Base
import TestSupport
import Testing
import Windowing

@Suite("Count deltas")
struct CountDeltasTests {
    struct Key: Hashable, Comparable {
        let window: WindowStart
        let postcode: [UInt8]

        static func < (a: Key, b: Key) -> Bool {
            a.window != b.window ? a.window < b.window : a.postcode.lexicographicallyPrecedes(b.postcode)
        }
    }

    static func contents(_ deltas: CountDeltas) -> [(Key, Int64)] {
        var rows: [(Key, Int64)] = []
        deltas.forEachSorted { rows.append((Key(window: $0, postcode: Array($1)), $2)) }
        return rows
    }

    static func expectEqual(_ deltas: CountDeltas, _ expected: [Key: Int64], _ place: Comment) {
        let rows = contents(deltas)
        #expect(rows.map(\.0) == expected.keys.sorted(), place)
        #expect(rows.allSatisfy { expected[$0.0] == $0.1 }, place)
        #expect(deltas.count == expected.count, place)
        #expect(deltas.isEmpty == expected.isEmpty, place)
    }

    static func add(_ key: Key, _ deltas: CountDeltas, _ expected: inout [Key: Int64]) {
        key.postcode.withUnsafeBytes { deltas.add(window: key.window, postcode: $0) }
        expected[key, default: 0] += 1
    }

    /// Keys that differ in length, in a byte after a common prefix, or in trailing zeros.
    static func randomPostcode(_ random: inout SeededRandom) -> [UInt8] {
        let length = [1, 2, 4, 7, 8, 9, 15, 16, 17, 63, 64][random.below(11)]
        var bytes = [UInt8](repeating: UInt8(ascii: "A"), count: length)
        if random.oneIn(3) { bytes = bytes.map { _ in 0 } }
        for _ in 0..<random.below(3) { bytes[random.below(length)] = UInt8(truncatingIfNeeded: random.next()) }
        if random.oneIn(2) { bytes[length - 1] = UInt8(random.below(256)) }
        return bytes
    }

    @Test("sums per window and postcode equal a dictionary's, in ascending order, over growth and reuse")
    func equalsDictionary() {
        let seed = testSeed(for: "count deltas")
        var random = SeededRandom(seed: seed)
        let deltas = CountDeltas(seed: random.next())
        for round in 0..<12 {
            var expected: [Key: Int64] = [:]
            for _ in 0..<[0, 1, 10, 3000, 20_000][random.below(5)] {
                let window = window(base + Int64(random.below(5)) * 60_000)
                Self.add(Key(window: window, postcode: Self.randomPostcode(&random)), deltas, &expected)
            }
            Self.expectEqual(deltas, expected, "seed \(seed), round \(round)")
            deltas.removeAll()
            Self.expectEqual(deltas, [:], "seed \(seed), round \(round), emptied")
        }
    }

    @Test("after a great many keys it is emptied, and serves few and many again")
    func growsAndShrinks() {
        let deltas = CountDeltas(seed: 1)
        for size in [100_000, 3, 0, 5, 70_000, 1] {
            var expected: [Key: Int64] = [:]
            for number in 0..<size {
                Self.add(
                    Key(window: window(Int64(number % 7) * 1000), postcode: Array("P\(number)".utf8)), deltas, &expected
                )
            }
            Self.expectEqual(deltas, expected, "\(size) keys")
            deltas.removeAll()
        }
        #expect(deltas.isEmpty)
    }

    @Test("keys that share their first eight bytes, or differ in trailing zero bytes, stay apart")
    func similarKeys() {
        let deltas = CountDeltas(seed: 7)
        let words = [
            "A", "A\0", "A\0\0", "ABCDEFGH", "ABCDEFGH\0", "ABCDEFGHI", "ABCDEFGHIJKLMNOP", "ABCDEFGHIJKLMNOQ",
        ]
        var expected: [Key: Int64] = [:]
        for round in 1...3 {
            for word in words.shuffled().prefix(8) {
                Self.add(Key(window: window(Int64(round % 2) * 60_000), postcode: Array(word.utf8)), deltas, &expected)
            }
        }
        Self.expectEqual(deltas, expected, "similar keys")
    }

    @Test("very long keys are kept whole")
    func longKeys() {
        let deltas = CountDeltas(seed: 3)
        var expected: [Key: Int64] = [:]
        for length in [1000, 65_536, 100_000, 65_535] {
            Self.add(Key(window: window(0), postcode: Array(repeating: 0x42, count: length)), deltas, &expected)
            Self.add(Key(window: window(0), postcode: Array(repeating: 0x42, count: length)), deltas, &expected)
        }
        Self.expectEqual(deltas, expected, "long keys")
    }

    @Test("a count of more than one is added as such")
    func largerCounts() {
        let deltas = CountDeltas(seed: 3)
        for count: Int64 in [1, 41, 1_000_000_000_000] {
            Array("SW19".utf8).withUnsafeBytes { deltas.add(window: window(base), postcode: $0, count: count) }
        }
        #expect(Self.contents(deltas).map(\.1) == [1_000_000_000_042])
    }

    @Test("an error thrown while reading comes out and changes nothing")
    func throwing() {
        struct Stop: Error {}
        let deltas = CountDeltas(seed: 3)
        Array("E1".utf8).withUnsafeBytes { deltas.add(window: window(base), postcode: $0) }
        #expect(throws: Stop.self) { try deltas.forEachSorted { _, _, _ in throw Stop() } }
        #expect(deltas.count == 1)
    }
}
