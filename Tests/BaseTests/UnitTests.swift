// The types of units print and encode as the bare numbers that files, lines and messages have always had.

import Base
import Foundation
import Testing

@Suite("Units")
struct UnitTests {
    private struct Place: Codable, Equatable {
        var partition: PartitionID
        var offset: KafkaOffset
        var generation: Generation?
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func read<Value: Decodable>(_ text: String, as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    @Test("each prints as its number alone")
    func description() {
        #expect("\(PartitionID(rawValue: 7)) \(KafkaOffset(rawValue: -1)) \(Generation(clamping: 3))" == "7 -1 3")
        #expect("\(EventTime(milliseconds: 2))" == "2000" && "\(WindowStart(seconds: -1))" == "-1000000")
        #expect(PartitionID(rawValue: .max).description == "2147483647")
    }

    @Test("each is coded as its number alone")
    func coding() throws {
        let place = Place(partition: 3, offset: 9_007_199_254_740_993, generation: 5)
        let text = #"{"generation":5,"offset":9007199254740993,"partition":3}"#
        #expect(try Self.json(place) == text)
        #expect(try Self.read(text, as: Place.self) == place)
        #expect(try Self.json([EventTime(rawValue: 1)].map(\.rawValue)) == "[1]")
    }

    @Test("a dictionary by partition is coded as the one by Int32 was: keys and values in turn")
    func dictionaries() throws {
        #expect(try Self.json([PartitionID(rawValue: 4): KafkaOffset(rawValue: 17)]) == "[4,17]")
        #expect(try Self.json([Int32(4): Int64(17)]) == "[4,17]")
        let read = try Self.read("[0,5,1,7]", as: [PartitionID: KafkaOffset].self)
        #expect(read == [0: 5, 1: 7])
        #expect(try Self.read("[]", as: [PartitionID: KafkaOffset].self).isEmpty)
    }

    @Test("what is out of a type's bounds is no value of it")
    func refused() {
        #expect(throws: DecodingError.self) { try Self.read("[-1]", as: [Generation].self) }
        #expect(throws: DecodingError.self) { try Self.read("[2147483648]", as: [PartitionID].self) }
        #expect(throws: DecodingError.self) { try Self.read("[1.5]", as: [KafkaOffset].self) }
        #expect(Generation(rawValue: -1) == nil && Generation(rawValue: 0) == 0)
    }

    @Test("numbers as text are decimal digits")
    func text() {
        #expect(PartitionID("7") == 7 && PartitionID("-7") == -7 && PartitionID("2147483648") == nil)
        #expect(KafkaOffset("12"[...]) == 12 && KafkaOffset("") == nil && KafkaOffset("1 ") == nil)
    }

    @Test("offsets: sums and distances stay at the bounds")
    func offsets() {
        let offset: KafkaOffset = 10
        #expect(offset.next == 11 && offset.previous == 9 && offset + 5 == 15 && offset - 11 == -1)
        #expect(offset.distance(to: 25) == 15 && offset.distance(to: 4) == -6)
        #expect(KafkaOffset.last.next == .last && KafkaOffset.first.previous == .first)
        #expect(KafkaOffset.last + .max == .last && KafkaOffset.first - .max == .first && offset - .min == .last)
        #expect(KafkaOffset.first.distance(to: .last) == .max && KafkaOffset.last.distance(to: .first) == .min)
    }

    @Test("generations: the next one, and the bounds")
    func generations() {
        #expect(Generation(clamping: 4).next == 5 && Generation(clamping: .min) == 0)
        #expect(Generation(clamping: .max).next == Generation(clamping: .max))
    }

    @Test("partitions: of a number of them, and from numbers of a file")
    func partitions() {
        #expect(PartitionID.all(count: 3) == [0, 1, 2] && PartitionID.all(count: 0).isEmpty)
        #expect(PartitionID.all(count: -1).isEmpty)
        #expect(PartitionID(clamping: Int64.max).rawValue == .max && PartitionID(clamping: Int64.min).rawValue == .min)
        #expect([PartitionID(rawValue: 10), 9, -1].sorted() == [-1, 9, 10])
    }

    @Test("equal values are one key, whatever the type of the number is")
    func hashing() {
        #expect(Set([KafkaOffset(rawValue: 1), 1, 2]).count == 2)
        #expect(Set([WindowStart(seconds: 60), WindowStart(rawValue: 60_000_000)]).count == 1)
    }
}
