// Parquet files, held in memory and read whole.

import Parquet

extension FuzzTarget {
    /// Columns have as many values as their row group has rows, wherever they can be read; a fault has a place in the file.
    static let parquet = FuzzTarget("parquet", longest: 4096) { bytes in
        do {
            let reader = try ParquetReader(MemorySource(bytes), limits: parquetLimits)
            for group in reader.rowGroups.indices {
                for column in reader.schema.columns.indices {
                    do { try readColumn(reader, column, group) } catch let error as ParquetError {
                        try requirePlace(error, in: bytes)
                    }
                }
            }
        } catch let error as ParquetError { try requirePlace(error, in: bytes) }
    }

    private static let parquetLimits: ReadLimits = {
        var limits = ReadLimits()
        limits.rowGroupRows = 5_000
        limits.pageBytes = 1 << 20
        limits.chunkBytes = 4 << 20
        return limits
    }()

    private static func readColumn(_ reader: ParquetReader, _ column: Int, _ group: Int) throws {
        let chunk = try reader.read(column: column, rowGroup: group)
        let rows = reader.rowGroups[group].rowCount
        let count =
            switch chunk.values {
            case .boolean(let values): values.count
            case .int32(let values): values.count
            case .int64(let values): values.count
            case .float(let values): values.count
            case .double(let values): values.count
            case .bytes(let strings): strings.count
            }
        try require(count == rows, "\(count) values in a row group of \(rows)")
        if rows > 0 { _ = (chunk.isNull(0), chunk.isNull(rows - 1)) }
        if let strings = chunk.byteStrings { for row in 0..<min(rows, 64) { _ = strings.bytes(row) } }
        _ = try reader.pageIndex(column: column, rowGroup: group)
    }

    private static func requirePlace(_ error: ParquetError, in bytes: [UInt8]) throws {
        try requireLine(error)
        switch error {
        case .corrupt(let position, _), .unsupported(let position, _), .overLimit(let position, _):
            try require((0...bytes.count).contains(position), "\(error) in a file of \(bytes.count) bytes")
        case .invalid: throw Finding("\(error)")
        }
    }
}
