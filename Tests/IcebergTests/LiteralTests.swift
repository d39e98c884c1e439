// Single values in binary, as the specification's table says, bounds, and transforms.
import Iceberg
import Testing

@Suite struct LiteralTests {
    @Test(arguments: [
        (Literal.boolean(false), FieldType.boolean, [0x00] as [UInt8]),
        (.boolean(true), .boolean, [0x01]),
        (.int(1234), .int, [0xD2, 0x04, 0, 0]),
        (.long(1234), .long, [0xD2, 0x04, 0, 0, 0, 0, 0, 0]),
        (.float(-4.5), .float, [0x00, 0x00, 0x90, 0xC0]),
        (.double(6.0), .double, [0, 0, 0, 0, 0, 0, 0x18, 0x40]),
        (.int(1000), .date, [0xE8, 0x03, 0, 0]),
        (.long(10000), .time, [0x10, 0x27, 0, 0, 0, 0, 0, 0]),
        (.long(400000), .timestamp, [0x80, 0x1A, 0x06, 0, 0, 0, 0, 0]),
        (.long(-1), .timestamptz, [UInt8](repeating: 0xFF, count: 8)),
        (.string("ABC"), .string, [0x41, 0x42, 0x43]),
        (.bytes([0xAA, 0xBB]), .fixed(2), [0xAA, 0xBB]),
        (.bytes([1, 2, 3]), .binary, [1, 2, 3]),
        (.bytes([0x04, 0xD2]), .decimal(precision: 9, scale: 2), [0x04, 0xD2]),
        (.bytes([UInt8](0..<16)), .uuid, [UInt8](0..<16)),
    ])
    func `a value has the bytes of the specification and comes back from them`(
        value: Literal, type: FieldType, bytes: [UInt8]
    ) {
        #expect(value.binary == bytes)
        #expect(Literal(binary: bytes, type: type) == value)
    }

    @Test func `bounds written before a column was widened are still read`() {
        #expect(Literal(binary: [0xFF, 0xFF, 0xFF, 0xFF], type: .long) == .long(-1))
        #expect(Literal(binary: Literal.float(1.5).binary, type: .double) == .double(1.5))
    }

    @Test func `bytes of a wrong length are no value`() {
        for type in [FieldType.boolean, .int, .long, .float, .double, .date, .uuid, .fixed(3)] {
            #expect(Literal(binary: [1, 2], type: type) == nil, "\(type)")
        }
        #expect(Literal(binary: [0xFF], type: .string) == nil)
    }

    @Test func `text is ordered by its bytes`() {
        #expect(Literal.string("Z").isBefore(.string("a")) == true)
        // U+FFFD before U+10000 by code point, the other way round in UTF-16.
        #expect(Literal.string("\u{FFFD}").isBefore(.string("\u{10000}")) == true)
        #expect(Literal.int(1).isBefore(.string("a")) == nil)
    }

    @Test func `a cut lower bound is not above and a cut upper bound not below what it bounds`() {
        #expect(Bounds.lower("abcdefghijklmnopqrst") == "abcdefghijklmnop")
        #expect(Bounds.upper("abcdefghijklmnopqrst") == "abcdefghijklmnoq")
        #expect(Bounds.upper("short") == "short")
        #expect(Bounds.upper("ab\u{10FFFF}c", length: 3) == "ac")
        #expect(Bounds.upper("\u{10FFFF}\u{10FFFF}c", length: 2) == nil)
        #expect(Bounds.upper("a\u{D7FF}c", length: 2) == "a\u{E000}")
        #expect(Bounds.lower("e\u{301}x", length: 1) == "e")
    }

    @Test func `a partition's folder says the day as a date`() {
        let days: [(Int32, String)] = [
            (0, "1970-01-01"), (-1, "1969-12-31"), (18_653, "2021-01-26"), (11_016, "2000-02-29"),
            (-719_468, "0000-03-01"),
            (47_540, "2100-02-28"), (47_541, "2100-03-01"), (Int32.max, "5881580-07-11"),
        ]
        for (day, date) in days { #expect(Views.spec.folder([.int(day)]) == "timestamp_day=\(date)") }
        #expect(Views.spec.folder([nil]) == "timestamp_day=null")
        #expect(PartitionSpec().folder([]) == "")
        let spec = PartitionSpec(fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "a b", transform: .identity)]
        )
        #expect(spec.folder([.string("x/=ü")]) == "a%20b=x%2F%3D%C3%BC")
    }

    @Test func `days are rounded down, before the epoch too`() {
        let day: Int64 = 86_400_000_000
        #expect(Transform.day.apply(.long(0), source: .timestamptz) == .int(0))
        #expect(Transform.day.apply(.long(day - 1), source: .timestamptz) == .int(0))
        #expect(Transform.day.apply(.long(-1), source: .timestamp) == .int(-1))
        #expect(Transform.day.apply(.long(-day), source: .timestamp) == .int(-1))
        #expect(Transform.day.apply(.long(day * 1000 * 17_486), source: .timestamptzNanoseconds) == .int(17_486))
        #expect(Transform.day.apply(.int(17_486), source: .date) == .int(17_486))
        #expect(Transform.day.apply(nil, source: .date) == nil)
        #expect(Transform.other("bucket[4]").apply(.int(1), source: .int) == nil)
    }
}
