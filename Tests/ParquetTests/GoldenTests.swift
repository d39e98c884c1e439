// Files written by pyarrow and duckdb, read by this reader.
import Parquet
import Testing

@Test("A file that pyarrow or duckdb wrote gives the values they read from it", arguments: Golden.names)
func golden(_ name: String) throws {
    let expected = try Golden.load(name)
    let reader = try ParquetReader(MemorySource(try Golden.file(name)))
    #expect(reader.rowGroups.map(\.rowCount) == expected.rowGroups)
    #expect(reader.rowCount == expected.rowGroups.reduce(0, +))
    // NaN has many bit patterns and Python may change them; everything else is compared exactly.
    #expect(try texts(reader) == expected.columns)
}

@Test("Columns that are nested or of an unknown type are passed over and named")
func unreadableColumns() throws {
    let reader = try ParquetReader(MemorySource(try Golden.file("nested_between")))
    #expect(reader.schema.columns.map(\.name) == ["before", "after"])
    #expect(reader.unreadableColumns == ["list", "struct", "decimal"])
}

@Test("Columns whose values are not what their physical type says are refused, by what they are")
func otherMeanings() throws {
    let reader = try ParquetReader(MemorySource(try Golden.file("other_meanings")))
    #expect(reader.schema.columns.map(\.name) == ["plain"])
    let types = reader.unreadableColumns.map { "\($0) \(reader.unreadableType(named: $0) ?? "")" }
    #expect(
        types == [
            "nanos TIMESTAMP(NANOS)", "unsigned UINT_64", "unsigned_32 UINT_32", "money DECIMAL", "small_money DECIMAL",
            "time TIME", "time_ms TIME",
        ])
}

@Test("Row groups of milliseconds are looked for in microseconds")
func milliseconds() throws {
    let reader = try ParquetReader(MemorySource(try Golden.file("milliseconds")))
    #expect(reader.schema.columns[0].isInMilliseconds)
    #expect(reader.rowGroups(column: 0, within: 1_768_046_400_123_000...1_768_046_400_123_000) == [0])
    #expect(reader.rowGroups(column: 0, within: 1_768_046_400_123_001...Int64.max) == [])
}

@Test("The page index that pyarrow wrote says what is in its pages")
func pageIndexOfPyarrow() throws {
    let reader = try ParquetReader(MemorySource(try Golden.file("v1_dictionary_zstd_checksums")))
    try expectTrueIndexes(reader)
    let pages = try #require(try reader.pageIndex(column: 0, rowGroup: 0)).pages
    #expect(pages.count >= 1)
}

/// Every page index of the file agrees with the values (rows, nulls and bounds) and with where the column chunks end, which
/// must follow one another in schema order.
func expectTrueIndexes(_ reader: ParquetReader) throws {
    for group in reader.rowGroups.indices {
        var chunkEnd = reader.rowGroups[group].offset
        for column in reader.schema.columns.indices {
            chunkEnd += reader.rowGroups[group].byteCounts[column]
            let chunk = try reader.read(column: column, rowGroup: group)
            guard let index = try reader.pageIndex(column: column, rowGroup: group) else { continue }
            for (page, following) in zip(index.pages, index.pages.dropFirst()) {
                #expect(page.offset + page.size == following.offset)
            }
            #expect(index.pages.last.map { $0.offset + $0.size } == chunkEnd)
            let starts = index.pages.map(\.firstRow) + [reader.rowGroups[group].rowCount]
            for (page, statistics) in index.statistics.enumerated() {
                let rows = starts[page]..<starts[page + 1]
                let values = rows.filter { !chunk.isNull($0) }.map { plain(chunk, $0) }
                #expect(statistics.nullCount == rows.count - values.count)
                let (least, greatest) = bounds(values, reader.schema.columns[column].type)
                #expect(statistics.lower.map(hex) == least.map(hex), "column \(column), page \(page)")
                #expect(statistics.upper.map(hex) == greatest.map(hex), "column \(column), page \(page)")
            }
        }
    }
}

/// The PLAIN bytes of a value.
func plain(_ chunk: ColumnChunk, _ row: Int) -> [UInt8] {
    func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    return switch chunk.values {
    case .boolean(let values): [values[row] ? 1 : 0]
    case .int32(let values): little(values[row])
    case .int64(let values): little(values[row])
    case .float(let values): little(values[row].bitPattern)
    case .double(let values): little(values[row].bitPattern)
    case .bytes(let values): values.bytes(row)
    }
}

/// The least and greatest PLAIN values by the naive way; NaN apart, zeros as the format wants them.
func bounds(_ values: [[UInt8]], _ type: ColumnType) -> (lower: [UInt8]?, upper: [UInt8]?) {
    func number(_ bytes: [UInt8]) -> Int64 {
        let raw = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return bytes.count == 4 ? Int64(Int32(truncatingIfNeeded: raw)) : Int64(bitPattern: raw)
    }
    func real(_ bytes: [UInt8]) -> Double {
        bytes.count == 4
            ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: number(bytes))))
            : Double(bitPattern: UInt64(bitPattern: number(bytes)))
    }
    switch type {
    case .boolean, .string, .binary:
        let sorted = values.sorted { $0.lexicographicallyPrecedes($1) }
        return (sorted.first, sorted.last)
    case .int32, .int64, .date, .timestampMicros:
        let sorted = values.sorted { number($0) < number($1) }
        return (sorted.first, sorted.last)
    case .float, .double:
        let sorted = values.filter { !real($0).isNaN }.sorted { real($0) < real($1) }
        func zero(_ bytes: [UInt8], negative: Bool) -> [UInt8] {
            guard real(bytes) == 0 else { return bytes }
            return [UInt8](repeating: 0, count: bytes.count - 1) + [negative ? 0x80 : 0]
        }
        return (sorted.first.map { zero($0, negative: true) }, sorted.last.map { zero($0, negative: false) })
    }
}
