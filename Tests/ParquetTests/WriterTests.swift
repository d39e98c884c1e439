// Files written by this writer: read back, and by pyarrow and duckdb, and what they say about themselves.
import Parquet
import Testing

/// Options under which pages, dictionaries and row groups end often.
func smallOptions(_ compression: PageCompression = .zstd(level: 1)) -> WriterOptions {
    var options = WriterOptions()
    options.compression = compression
    options.pageRows = 50
    options.pageBytes = 300
    options.rowGroupRows = 330
    options.dictionaryBytes = 400
    return options
}

@Test("Tables of all types are read back as they were written, whatever the sizes and nulls")
func roundTrip() throws {
    let seed: UInt64 = 11
    var random = Seeded(state: seed)
    for (rows, distinct, nulls) in [
        (0, 5, 0.1), (1, 5, 0.5), (7, 5, 0.3), (50, 40, 0), (333, 7, 0.9), (1000, 600, 0.05), (700, 5, 1),
    ] {
        let sample = Sample.random(rows: rows, distinct: distinct, nulls: nulls, &random)
        for options in [WriterOptions(), smallOptions(), smallOptions(.none)] {
            let (bytes, summary) = try sample.file(options)
            let reader = try ParquetReader(MemorySource(bytes))
            #expect(try texts(reader) == sample.texts, "seed \(seed), \(rows) rows")
            #expect(summary.byteCount == bytes.count && summary.rowCount == rows)
            #expect(reader.rowGroups.map(\.offset) == summary.splitOffsets)
            try expectTrueIndexes(reader)
        }
    }
}

@Test("pyarrow and duckdb read what we write, checksums verified", arguments: ["pyarrow", "duckdb"])
func otherReaders(_ engine: String) throws {
    let seed: UInt64 = 23
    var random = Seeded(state: seed)
    for (rows, options) in [
        (700, smallOptions()), (900, WriterOptions()), (0, WriterOptions()), (400, smallOptions(.none)),
    ] {
        let sample = Sample.random(rows: rows, distinct: 300, nulls: 0.2, &random)
        let (bytes, _) = try sample.file(options)
        var expected = sample.texts
        if engine == "duckdb" {
            // duckdb's results carry neither field ids nor whether a column is required.
            for index in expected.indices { (expected[index].optional, expected[index].fieldID) = (true, nil) }
        }
        #expect(try view(bytes, by: engine).columns == expected, "seed \(seed), \(rows) rows")
    }
}

@Test("pyarrow sees our encodings, sizes, statistics, page indexes and metadata")
func metadataSeenByPyarrow() throws {
    var random = Seeded(state: 5)
    let sample = Sample.random(rows: 700, distinct: 20, nulls: 0.2, &random)
    var options = smallOptions()
    options.metadata = [("iceberg.schema", "{\"ü\":1}"), ("b", "2")]
    let (bytes, summary) = try sample.file(options)
    let other = try view(bytes, by: "pyarrow")
    #expect(other.metadata == ["iceberg.schema": "{\"ü\":1}", "b": "2"])
    #expect(other.createdBy == options.createdBy)
    let groups = try #require(other.groups)
    #expect(groups.map(\.rowCount) == [330, 330, 40])
    for (index, column) in sample.schema.columns.enumerated() {
        let chunks = groups.map { $0.columns[index] }
        #expect(
            chunks.allSatisfy { $0.hasColumnIndex && $0.hasOffsetIndex && $0.compression == "ZSTD" && $0.min != nil })
        #expect(chunks.reduce(0) { $0 + $1.compressedSize } == summary.columns[index].byteCount)
        let nulls = sample.texts[index].values.count { $0 == nil }
        #expect(chunks.reduce(0) { $0 + ($1.nullCount ?? -1) } == nulls)
        if column.encoding == .delta { #expect(chunks[0].encodings.contains("DELTA_BINARY_PACKED")) }
        if column.encoding == .dictionary, column.type == .string {
            #expect(chunks[0].encodings.contains("RLE_DICTIONARY"))
        }
    }
}

@Test("The summary has counts and bounds of whole columns, as the values have them")
func summaries() throws {
    var random = Seeded(state: 6)
    let sample = Sample.random(rows: 1000, distinct: 500, nulls: 0.1, &random)
    let (bytes, summary) = try sample.file(smallOptions())
    let reader = try ParquetReader(MemorySource(bytes))
    for (index, column) in summary.columns.enumerated() {
        var values: [[UInt8]] = []
        for group in reader.rowGroups.indices {
            let chunk = try reader.read(column: index, rowGroup: group)
            values += (0..<reader.rowGroups[group].rowCount).filter { !chunk.isNull($0) }.map { plain(chunk, $0) }
        }
        let (lower, upper) = bounds(values, column.column.type)
        #expect(column.statistics.lower == lower && column.statistics.upper == upper, "\(column.column.name)")
        #expect(column.valueCount == 1000 && column.statistics.nullCount == 1000 - values.count)
        let nans = sample.texts[index].values.count {
            $0.map { ["7fc00000", "7ff8000000000000"].contains($0) } ?? false
        }
        let isFloating = column.column.type == .float || column.column.type == .double
        #expect(column.statistics.nanCount == (isFloating ? nans : nil))
    }
}

@Test("A long text gets a shortened lower bound in the file, no upper one, and whole ones in the summary")
func longBounds() throws {
    let long = String(repeating: "ü", count: 5_000)
    let out = Collected()
    let writer = try ParquetWriter(schema: ParquetSchema([Column("text", .string)])) { out.take($0) }
    try writer.bytes(0).append(long)
    try writer.endRow()
    let summary = try writer.finish()
    #expect(summary.columns[0].statistics.lower == Array(long.utf8))
    let reader = try ParquetReader(MemorySource(out.bytes))
    let statistics = reader.rowGroups[0].statistics[0]
    let lower = try #require(statistics.lower)
    #expect(lower.count <= 256 && String(validating: lower, as: UTF8.self) != nil && long.utf8.starts(with: lower))
    #expect(statistics.upper == nil)
    #expect(try view(out.bytes, by: "pyarrow").columns[0].values == [hex(long.utf8)])
}

@Test("Row groups reach the sink as they end, so memory is bounded by one of them")
func streaming() throws {
    var options = WriterOptions()
    options.rowGroupBytes = 200_000
    options.compression = .none
    let schema = ParquetSchema([Column("number", .int64, encoding: .plain), Column("text", .string, encoding: .plain)])
    let out = Collected()
    let writer = try ParquetWriter(schema: schema, options: options) { out.take($0) }
    let (numbers, strings) = (try writer.int64(0), try writer.bytes(1))
    var largestGap = 0
    for row in 0..<200_000 {
        numbers.append(Int64(row))
        strings.append("text number \(row)")
        try writer.endRow()
        largestGap = max(largestGap, row * 28 - out.bytes.count)
    }
    let summary = try writer.finish()
    // One row group, and the pages that were being filled when it ended.
    #expect(largestGap < 200_000 + 2 * 20_000 * 28)
    #expect(summary.splitOffsets.count > 5)
}

@Test("Columns of unequal length, nulls where none may be, and wrong types are refused with the column's name")
func mistakes() throws {
    let schema = ParquetSchema([Column("a", .int64), Column("b", .string)])
    func writer() throws -> ParquetWriter { try ParquetWriter(schema: schema) { _ in } }
    let uneven = try writer()
    try uneven.int64(0).append(1)
    try uneven.endRow()
    #expect(throws: ParquetError.invalid("column b has 0 values where 1 rows were closed")) { try uneven.finish() }
    let null = try writer()
    try null.int64(0).appendNull()
    #expect(throws: ParquetError.invalid("a null in the required column a")) { try null.endRow() }
    #expect(throws: ParquetError.invalid("column b is of type string")) { try writer().int64(1) }
    #expect(throws: ParquetError.invalid("no column 2 in the schema")) { try writer().int64(2) }
    #expect(throws: ParquetError.invalid("two columns of the same name")) {
        try ParquetWriter(schema: ParquetSchema([Column("a", .int64), Column("a", .int32)])) { _ in }
    }
    #expect(throws: ParquetError.invalid("delta encoding for column a of type string")) {
        try ParquetWriter(schema: ParquetSchema([Column("a", .string, encoding: .delta)])) { _ in }
    }
}

@Test("A sink that fails makes the writer refuse everything after")
func failingSink() throws {
    struct DiskFull: Error {}
    let writer = try ParquetWriter(schema: ParquetSchema([Column("a", .int64)])) { _ in throw DiskFull() }
    try writer.int64(0).append(1)
    try writer.endRow()
    #expect(throws: DiskFull.self) { try writer.finish() }
    #expect(throws: DiskFull.self) { try writer.finish() }
}

@Test("Appending in batches gives the same file as row by row")
func batches() throws {
    let values = (0..<45_000).map { Int64($0 / 7) }
    func file(_ fill: (ParquetWriter) throws -> Void) throws -> [UInt8] {
        let out = Collected()
        let writer = try ParquetWriter(schema: ParquetSchema([Column("a", .int64, isOptional: true)])) { out.take($0) }
        try fill(writer)
        _ = try writer.finish()
        return out.bytes
    }
    let single = try file { writer in
        let column = try writer.int64(0)
        for value in values {
            column.append(value)
            try writer.endRow()
        }
    }
    let batched = try file { writer in
        let column = try writer.int64(0)
        values.withUnsafeBufferPointer { column.append(contentsOf: $0) }
        try writer.endRows(values.count)
    }
    #expect(single == batched)
}

@Test("A dictionary that grows beyond its limit is given up within a page, and one that does not pay is not begun")
func dictionaryFallback() throws {
    var options = WriterOptions()
    options.compression = .none
    options.pageRows = 1_000
    options.dictionaryBytes = 20_000
    func dictionaryBytes(_ value: (Int) -> Int64) throws -> Int {
        let out = Collected()
        let schema = ParquetSchema([Column("number", .int64), Column("text", .string)])
        let writer = try ParquetWriter(schema: schema, options: options) { out.take($0) }
        for row in 0..<50_000 {
            try writer.int64(0).append(value(row))
            try writer.bytes(1).append("number \(value(row))")
            try writer.endRow()
        }
        _ = try writer.finish()
        let reader = try ParquetReader(MemorySource(out.bytes))
        #expect(try reader.read(column: 0, rowGroup: 0).int64s == (0..<50_000).map(value))
        let strings = try #require(try reader.read(column: 1, rowGroup: 0).byteStrings)
        #expect((0..<50_000).allSatisfy { strings.string($0) == "number \(value($0))" })
        let group = reader.rowGroups[0]
        let first = try #require(try reader.pageIndex(column: 0, rowGroup: 0)).pages[0].offset - group.offset
        let second =
            try #require(try reader.pageIndex(column: 1, rowGroup: 0)).pages[0].offset - group.offset
            - group.byteCounts[0]
        #expect(abs(first - second) < 30_000)
        return first
    }
    // Half of each page is new: given up when 20,000 bytes are passed, so at the latest a page of 8,000 bytes later.
    #expect((20_000..<28_100).contains(try dictionaryBytes { Int64($0 / 2) }))
    #expect(try dictionaryBytes { Int64($0) } == 0)
    #expect((80..<150).contains(try dictionaryBytes { Int64($0 % 10) }))
}
