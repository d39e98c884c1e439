// A page may say that it has any number of rows: where each takes bytes, they are looked for before memory is taken for them.
import Glibc
import Testing

@testable import Parquet

private func peakBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss << 10
}

@Test("Rows that a page cannot have take no memory", arguments: [ColumnType.int64, .boolean, .string])
func claimedRows(type: ColumnType) throws {
    let rows = 1 << 27
    var header = PageHeader()
    header.type = .data
    header.valueCount = rows
    header.encoding = .plain
    (header.uncompressedSize, header.compressedSize) = (8, 8)
    let bytes = header.written(type: type) + [UInt8](repeating: 0, count: 8)
    let column = Column("c", type, isOptional: false, fieldID: 1)
    var decoder = try ChunkDecoder(column, codec: 0, rowCount: rows, start: 4, limits: ReadLimits())
    let before = peakBytes()
    let error = #expect(throws: ParquetError.self) { try bytes.withUnsafeBytes { try decoder.decode($0) } }
    #expect(error?.description.contains("bytes expected, 8 left in the page") == true, "\(error as Any)")
    // One byte a row at least, if memory were taken for them.
    #expect(peakBytes() - before < rows)
}
