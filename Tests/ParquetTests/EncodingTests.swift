// The encodings against the examples of the specification, and against themselves over all bit widths.
import Testing

@testable import Parquet

func decoded(_ bytes: [UInt8], count: Int, width: Int) throws -> [UInt32] {
    var out = [UInt32](repeating: 99, count: count)
    try bytes.withUnsafeBytes { bytes in
        var decoder = try HybridDecoder(InputBytes(bytes, position: 0), width: width)
        try out.withUnsafeMutableBufferPointer { out in try decoder.decode(count, to: out.baseAddress!) }
    }
    return out
}

func encoded(_ values: [UInt32], width: Int) -> [UInt8] {
    let out = OutputBuffer()
    Hybrid.encode(values, count: values.count, width: width, to: out)
    return Array(out.bytes)
}

@Test("The numbers 0 to 7 are packed to the three bytes of Encodings.md")
func bitPackingExample() throws {
    let expected: [UInt8] = [1 << 1 | 1, 0b1000_1000, 0b1100_0110, 0b1111_1010]
    #expect(encoded(Array(0...7), width: 3) == expected)
    #expect(try decoded(expected, count: 8, width: 3) == Array(0...7))
}

@Test("A long run is one RLE run with its value in whole bytes")
func runExample() throws {
    let values = [UInt32](repeating: 300, count: 1000)
    #expect(encoded(values, width: 9) == [0xD0, 0x0F, 0x2C, 0x01])
    #expect(try decoded([0xD0, 0x0F, 0x2C, 0x01], count: 1000, width: 9) == values)
}

@Test("Runs and packed groups of every width and length come back")
func hybridRoundTrip() throws {
    let seed: UInt64 = 3
    var random = Seeded(state: seed)
    for width in 0...32 {
        for count in [1, 7, 8, 9, 31, 32, 33, 500] {
            var values: [UInt32] = []
            while values.count < count {
                let limit = width == 0 ? 0 : UInt32.max >> UInt32(32 - width)
                let run = Bool.random(using: &random) ? 1 : Int.random(in: 1...70, using: &random)
                values += [UInt32](
                    repeating: UInt32.random(in: 0...limit, using: &random), count: min(run, count - values.count))
            }
            #expect(
                try decoded(encoded(values, width: width), count: count, width: width) == values,
                "width \(width), seed \(seed)")
        }
    }
}

@Test("Definition levels come back for every pattern of nulls")
func levelsRoundTrip() throws {
    var random = Seeded(state: 4)
    for rows in [1, 5, 8, 9, 64, 1000] {
        for share in [0, 0.01, 0.5, 0.99, 1] {
            var nulls: [UInt32] = []
            for row in 0..<rows where Double.random(in: 0..<1, using: &random) < share { nulls.append(UInt32(row)) }
            let out = OutputBuffer()
            Hybrid.encodeLevels(rows: rows, nulls: nulls, to: out)
            let expected = (0..<rows).map { UInt32(nulls.contains(UInt32($0)) ? 0 : 1) }
            #expect(try decoded(Array(out.bytes), count: rows, width: 1) == expected)
        }
    }
}

func deltaDecoded<T: FixedWidthInteger & SignedInteger>(_ bytes: [UInt8], count: Int, as: T.Type) throws -> [T] {
    var out = [T](repeating: 0, count: count)
    try bytes.withUnsafeBytes { bytes in
        var input = InputBytes(bytes, position: 0)
        try out.withUnsafeMutableBufferPointer { out in try Delta.decode(&input, count: count, to: out.baseAddress!) }
    }
    return out
}

@Test("The two delta examples of Encodings.md are decoded, with their block size of 8")
func deltaExamples() throws {
    #expect(try deltaDecoded([8, 1, 5, 2, 2, 0], count: 5, as: Int64.self) == [1, 2, 3, 4, 5])
    let second: [UInt8] = [8, 1, 8, 14, 3, 2, 0b1100_0000, 0b0011_1111]
    #expect(try deltaDecoded(second, count: 8, as: Int32.self) == [7, 5, 3, 1, 2, 3, 4, 5])
}

@Test("A sequence that grows by one takes a header and a few bytes per block, as Encodings.md describes")
func deltaOfSequence() throws {
    let values = (0..<257).map { Int64($0) + 1000 }
    let out = OutputBuffer()
    values.withUnsafeBufferPointer { Delta.encode($0, to: out) }
    // 128 values a block in 4 miniblocks, 257 values, the first 1000; twice the difference 1 and four widths of 0.
    #expect(Array(out.bytes) == [0x80, 0x01, 4, 0x81, 0x02, 0xD0, 0x0F] + [2, 0, 0, 0, 0, 2, 0, 0, 0, 0])
}

@Test("Differences of every width come back, the largest wrapping around")
func deltaRoundTrip() throws {
    let seed: UInt64 = 8
    var random = Seeded(state: seed)
    func check<T: FixedWidthInteger & SignedInteger>(_ values: [T]) throws where T.Magnitude: FixedWidthInteger {
        let out = OutputBuffer()
        values.withUnsafeBufferPointer { Delta.encode($0, to: out) }
        #expect(try deltaDecoded(Array(out.bytes), count: values.count, as: T.self) == values, "seed \(seed)")
    }
    for bits in 0..<64 {
        for count in [1, 2, 32, 33, 129, 400] {
            try check((0..<count).map { _ in Int64(truncatingIfNeeded: random.next() >> UInt64(63 - bits)) })
            try check((0..<count).map { _ in Int32(truncatingIfNeeded: random.next() >> UInt64(63 - bits)) })
        }
    }
    try check([Int64.min, .max, .min, 0, .max, -1])
    try check([Int32.min, .max, .min, 0, .max, -1])
}

@Test("A dictionary finds each byte string again, however many there are")
func dictionaryFinds() {
    let dictionary = BytesDictionary()
    func index(_ number: Int) -> UInt32 { Array("value \(number)".utf8).withUnsafeBytes { dictionary.index(of: $0) } }
    for number in 0..<5_000 { #expect(index(number) == UInt32(number)) }
    #expect(index(77) == 77 && dictionary.count == 5_000)
}

@Test("Texts made to collide end the dictionary, and the column is written all the same")
func dictionarySearchIsBounded() throws {
    var colliding: [[UInt8]] = []
    var number = 0
    while colliding.count < 300 {
        let text = Array("\(number)".utf8)
        // The smallest table has 1024 slots, and 300 entries leave it so.
        if text.withUnsafeBytes({ BytesDictionary.hash($0) }) & 1023 == 5 { colliding.append(text) }
        number += 1
    }
    let dictionary = BytesDictionary()
    let indices = colliding.map { $0.withUnsafeBytes { dictionary.index(of: $0) } }
    #expect(indices[255] == 255 && indices[256] == BytesDictionary.none)
    let out = Collected()
    let writer = try ParquetWriter(schema: ParquetSchema([Column("text", .string)])) { out.take($0) }
    let column = try writer.bytes(0)
    for text in colliding {
        column.append(text)
        try writer.endRow()
    }
    _ = try writer.finish()
    let read = try ParquetReader(MemorySource(out.bytes)).read(column: 0, rowGroup: 0)
    #expect(texts(read) == colliding.map { hex($0) })
}

@Test("Thrift: what is written is read, unknown fields are skipped, and nesting is bounded")
func thrift() throws {
    var out = CompactWriter()
    out.listedStructure { out in
        out.i32(1, -5)
        out.structure(2) { $0.list(1, of: .i64, Array(0..<20)) { $0.zigzag(Int64($1)) } }
        out.bool(3, true)
        out.list(30, of: .yes, [true, false]) { $0.listedBool($1) }
        out.i64(1000, .max)
    }
    var seen: [Int64] = []
    try out.bytes.withUnsafeBytes { bytes in
        var reader = CompactReader(bytes, origin: 0)
        try reader.structure { reader, id, type in
            guard id == 1 || id == 1000 else { return false }
            seen.append(id == 1 ? Int64(try reader.i32(type)) : try reader.i64(type))
            return true
        }
    }
    #expect(seen == [-5, .max])
    let deep = [UInt8](repeating: 0x1C, count: 10_000)
    #expect(throws: ParquetError.corrupt(position: 132, reason: "nesting deeper than 32")) {
        try deep.withUnsafeBytes { bytes in
            var reader = CompactReader(bytes, origin: 100)
            try reader.skip(.structure)
        }
    }
}
