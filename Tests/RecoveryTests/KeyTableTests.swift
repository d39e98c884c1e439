// Compares the tables of keys and of offsets with naive ones.

import Base
import Parquet
import TestSupport
import Testing

@testable import Recovery

private struct Key: Hashable {
    let window: Int64
    let postcode: String
}

extension KeyTable {
    fileprivate func index(_ key: Key) -> Int {
        Array(key.postcode.utf8).withUnsafeBytes { index(window: WindowStart(seconds: key.window), postcode: $0) }
    }

    /// The keys with their counters, in the order of `sorted`.
    fileprivate func listed() -> [(key: Key, first: Int64, second: Int64)] {
        sorted().map { index in
            let entry = self[Int(index)]
            let postcode = postcodes.withBytes(Int(entry.postcode)) { String(decoding: $0, as: UTF8.self) }
            return (Key(window: entry.window.seconds, postcode: postcode), entry.first, entry.second)
        }
    }
}

@Suite struct KeyTableTests {
    private func draw(_ random: inout SeededRandom, windows: Int) -> Key {
        let number = random.below(40)
        // Prefixes of one another, the empty text, bytes above 0x7F, and more than eight bytes.
        let postcode = ["", "E", "E1", "E1 1AA and much more", "É", "e1", "\u{1F600}"][number % 7] + "\(number / 7)"
        return Key(window: Int64(random.below(windows) - windows / 2) * 60, postcode: postcode)
    }

    @Test func itCountsLikeADictionaryAndSortsByWindowAndBytes() {
        let seed = testSeed(for: "keys")
        var random = SeededRandom(seed: seed)
        for round in 0..<20 {
            let table = KeyTable(seed: random.next())
            for _ in 0..<2 {
                var naive: [Key: (first: Int64, second: Int64)] = [:]
                for _ in 0..<random.below(6000) {
                    let key = draw(&random, windows: 1 + round * 30)
                    let (first, second) = (Int64(random.below(3)), Int64(random.below(3)))
                    let index = table.index(key)
                    table.add(first: first, second: second, at: index)
                    naive[key, default: (0, 0)].first += first
                    naive[key, default: (0, 0)].second += second
                }
                let expected = naive.sorted {
                    $0.key.window != $1.key.window
                        ? $0.key.window < $1.key.window
                        : $0.key.postcode.utf8.lexicographicallyPrecedes($1.key.postcode.utf8)
                }
                let found = table.listed()
                #expect(found.map(\.key) == expected.map(\.key), "seed \(seed)")
                #expect(found.map(\.first) == expected.map(\.value.first), "seed \(seed)")
                #expect(found.map(\.second) == expected.map(\.value.second), "seed \(seed)")
                table.removeAll()
                #expect(table.count == 0)
            }
        }
    }

    /// The table grows several times, first at 512 keys. An earlier index still refers to its key, and additions at it
    /// are not lost. A sanitizer detects a write to freed memory.
    @Test(arguments: [0, 512, 513, 5000]) func anIndexOutlivesTheGrowthOfTheTable(capacity: Int) {
        let table = KeyTable(capacity: capacity, seed: 11)
        let first = table.index(Key(window: 60, postcode: "E0"))
        for number in 0..<5000 {
            let index = table.index(Key(window: 60, postcode: "E\(number)"))
            #expect(table.add(first: Int64(number), second: 1, at: index))
            #expect(table.add(second: 1, at: first))
        }
        #expect(table.count == 5000)
        #expect(table[first].second == 5001)
        #expect((0..<5000).allSatisfy { table[$0].first == Int64($0) })
    }

    @Test func aCounterThatWouldOverflowIsLeftAsItIs() {
        let table = KeyTable(seed: 5)
        let index = table.index(Key(window: 0, postcode: "E1"))
        #expect(table.add(first: .max, second: 1, at: index))
        #expect(!table.add(first: 1, second: 1, at: index))
        #expect(table[index].first == .max)
        #expect(table[index].second == 1)
    }

    @Test func keysThatAreNotThereAreNotFoundAndNotAdded() {
        let table = KeyTable(capacity: 100, seed: 3)
        let index = table.index(Key(window: 60, postcode: "E1"))
        let number = Array("E1".utf8).withUnsafeBytes { table.postcodes.number($0, adding: false) }
        #expect(table.find(window: WindowStart(seconds: 60), postcode: number) == index)
        #expect(table.find(window: WindowStart(seconds: 120), postcode: number) == -1)
        #expect(Array("E2".utf8).withUnsafeBytes { table.postcodes.number($0, adding: false) } == -1)
        #expect(table.find(window: WindowStart(seconds: 60), postcode: -1) == -1)
        #expect(table.count == 1)
    }

    /// A column whose dictionary encoding ends in the middle, and one with a complete dictionary: the reader represents
    /// them differently.
    @Test(arguments: [1 << 20, 64]) func aColumnsEntriesGetTheNumbersOfTheirRows(dictionaryBytes: Int) throws {
        let seed = testSeed(for: "entries")
        var random = SeededRandom(seed: seed)
        var options = WriterOptions()
        options.dictionaryBytes = dictionaryBytes
        options.pageRows = 100
        var bytes: [UInt8] = []
        let writer = try ParquetWriter(
            schema: ParquetSchema([Column("postcode", .string, isOptional: true)]), options: options
        ) {
            bytes.append(contentsOf: $0)
        }
        let column = try writer.bytes(0)
        var written: [String?] = []
        for _ in 0..<1000 {
            written.append(random.oneIn(10) ? nil : "P\(random.below(50))")
            if let text = written.last ?? nil { column.append(text) } else { column.appendNull() }
            try writer.endRow()
        }
        _ = try writer.finish()
        let chunk = try ParquetReader(MemorySource(bytes)).read(column: 0, rowGroup: 0)
        let postcodes = try #require(chunk.byteStrings)
        #expect(postcodes.entries.isEmpty == (dictionaryBytes == 64))
        let table = KeyTable(seed: seed)
        let numbers = table.postcodes.numbers(of: postcodes, adding: true)
        for (row, text) in written.enumerated() {
            #expect(chunk.isNull(row) == (text == nil), "seed \(seed)")
            let number = numbers[postcodes.entries.isEmpty ? row : Int(postcodes.entries[row])]
            let found = table.postcodes.withBytes(Int(number)) { String(decoding: $0, as: UTF8.self) }
            #expect(found == text ?? "", "seed \(seed)")
            #expect(postcodes.string(row) == text ?? "", "seed \(seed)")
        }
    }
}

@Suite struct OffsetSetTests {
    @Test func itIsASetAndNamesItsGaps() {
        let seed = testSeed(for: "offsets")
        var random = SeededRandom(seed: seed)
        for _ in 0..<30 {
            let set = OffsetSet()
            var naive: Set<Int64> = []
            let start = Int64(random.below(40_000))
            // Whole pages, so that some become full, and single distant offsets.
            for offset in start..<start + Int64(random.below(30_000)) where !random.oneIn(4000) {
                #expect(set.insert(KafkaOffset(rawValue: offset)) == naive.insert(offset).inserted, "seed \(seed)")
            }
            for _ in 0..<20 {
                let offset = Int64(random.below(200_000))
                #expect(set.insert(KafkaOffset(rawValue: offset)) == naive.insert(offset).inserted, "seed \(seed)")
                #expect(!set.insert(KafkaOffset(rawValue: offset)), "seed \(seed)")
            }
            #expect(set.count == Int64(naive.count))
            let range = Int64(random.below(50_000))..<Int64(50_000 + random.below(200_000))
            var gaps: [Range<Int64>] = []
            set.forEachGap(in: KafkaOffset(rawValue: range.lowerBound)..<KafkaOffset(rawValue: range.upperBound)) {
                gaps.append($0.lowerBound.rawValue..<$0.upperBound.rawValue)
                return true
            }
            var expected: [Range<Int64>] = []
            for offset in range where !naive.contains(offset) {
                if let last = expected.last, last.upperBound == offset {
                    expected[expected.count - 1] = last.lowerBound..<offset + 1
                } else {
                    expected.append(offset..<offset + 1)
                }
            }
            #expect(gaps == expected, "seed \(seed)")
            for offset in [range.lowerBound, range.upperBound, start, start + 8191, 199_999, -1] {
                #expect(set.contains(KafkaOffset(rawValue: offset)) == naive.contains(offset), "seed \(seed)")
            }
        }
    }

    @Test func offsetsAtTheEdgeOfTheirTypeDoNoHarm() {
        let set = OffsetSet()
        #expect(set.insert(.last))
        #expect(set.contains(.last))
        var gaps: [Range<KafkaOffset>] = []
        set.forEachGap(in: 0 ..< .last) {
            gaps.append($0)
            return true
        }
        #expect(gaps == [0 ..< .last])
        set.forEachGap(in: 5..<5) { _ in
            Issue.record("a gap in nothing")
            return true
        }
    }
}
