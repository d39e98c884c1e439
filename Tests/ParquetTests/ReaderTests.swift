// What the reader does with damaged files, limits, projections and row groups that cannot match.
import Parquet
import Testing

/// A source that notes what was asked of it.
final class Noting: ByteSource {
    let bytes: [UInt8]
    var ranges: [Range<Int>] = []
    init(_ bytes: [UInt8]) { self.bytes = bytes }
    var byteCount: Int { bytes.count }
    func read(offset: Int, length: Int) throws -> [UInt8] {
        ranges.append(offset..<offset + length)
        return Array(bytes[offset..<offset + length])
    }
}

/// 100,000 rows in row groups of 10,000: a growing number, a text, a moment.
func growing() throws -> [UInt8] {
    var options = WriterOptions()
    options.rowGroupRows = 10_000
    let schema = ParquetSchema([
        Column("number", .int64, encoding: .delta), Column("text", .string),
        Column("moment", .timestampMicros, isOptional: true, encoding: .delta),
    ])
    let out = Collected()
    let writer = try ParquetWriter(schema: schema, options: options) { out.take($0) }
    let (numbers, strings, moments) = (try writer.int64(0), try writer.bytes(1), try writer.int64(2))
    for row in 0..<100_000 {
        numbers.append(Int64(row))
        strings.append(["a", "b"][row / 50_000])
        if row < 10_000 { moments.appendNull() } else { moments.append(Int64(row) * 1000) }
        try writer.endRow()
    }
    _ = try writer.finish()
    return out.bytes
}

@Test("Row groups are left out only where the statistics prove that no row can match")
func pruning() throws {
    let reader = try ParquetReader(MemorySource(try growing()))
    #expect(reader.rowGroups(column: 0, within: 25_000...30_000) == [2, 3])
    #expect(reader.rowGroups(column: 0, within: -5...(-1)).isEmpty)
    #expect(reader.rowGroups(column: 0, within: .min ... .max) == Array(0..<10))
    #expect(reader.rowGroups(column: 1, from: Array("b".utf8), to: Array("b".utf8)) == Array(5..<10))
    #expect(reader.rowGroups(column: 1, from: Array("aa".utf8), to: Array("ab".utf8)).isEmpty)
    #expect(reader.rowGroups(column: 2, within: 0...19_999_000) == [1])
    #expect(reader.rowGroups(column: 2, within: .min ... .max) == Array(1..<10))
}

@Test("Only the footer and the chunks that are asked for are read from the source")
func projection() throws {
    let source = Noting(try growing())
    let reader = try ParquetReader(source)
    #expect(source.ranges.count == 1)
    _ = try reader.read(column: 1, rowGroup: 4)
    #expect(source.ranges.count == 2)
    #expect(source.ranges[1].count == reader.rowGroups[4].byteCounts[1])
}

@Test("A page with a wrong bit is refused by its checksum, with its position in the file")
func checksum() throws {
    var bytes = try growing()
    let reader = try ParquetReader(MemorySource(bytes))
    let index = try #require(try reader.pageIndex(column: 0, rowGroup: 3))
    let page = index.pages[0]
    bytes[page.offset + page.size - 1] ^= 0x10
    let damaged = try ParquetReader(MemorySource(bytes))
    #expect(
        throws: ParquetError.corrupt(position: page.offset, reason: "the checksum of a page of column number is wrong")
    ) { try damaged.read(column: 0, rowGroup: 3) }
    #expect(try damaged.read(column: 0, rowGroup: 2).int64s == Array(20_000..<30_000))
}

@Test("What is no Parquet file, or only a part of one, is refused with a reason")
func notParquet() throws {
    let whole = try growing()
    func message(_ bytes: [UInt8]) -> String {
        do {
            _ = try ParquetReader(MemorySource(bytes))
            return "accepted"
        } catch {
            return "\(error)"
        }
    }
    #expect(message([]) == "corrupt Parquet file at byte 0: 0 bytes are too few for a Parquet file")
    let end = whole.count - 5
    #expect(
        message(Array(whole.dropLast()))
            == "corrupt Parquet file at byte \(end): no PAR1 at the end: not a Parquet file, or not a whole one")
    #expect(message(Array(repeating: 7, count: 100)).contains("no PAR1 at the end"))
    #expect(message(Array(whole.dropLast(4)) + Array("PARE".utf8)).contains("encryption"))
    #expect(
        message(Array("PAR1".utf8) + [255, 255, 255, 127] + Array("PAR1".utf8)).contains("a footer of 2147483647 bytes")
    )
}

@Test("Limits on rows and bytes are kept, and named")
func limits() throws {
    let bytes = try growing()
    var limits = ReadLimits()
    limits.rowGroupRows = 9_999
    #expect(throws: ParquetError.self) { try ParquetReader(MemorySource(bytes), limits: limits) }
    limits = ReadLimits()
    limits.chunkBytes = 10
    let reader = try ParquetReader(MemorySource(bytes), limits: limits)
    #expect(throws: ParquetError.self) { try reader.read(column: 0, rowGroup: 0) }
    #expect(throws: ParquetError.invalid("no column 3 or row group 0 in the file")) {
        try reader.read(column: 3, rowGroup: 0)
    }
}
