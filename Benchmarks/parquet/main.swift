// Times writing and reading Parquet for compare.py, which prints the ratios to pyarrow.
// Usage: parquet-benchmark INPUT OUTPUT ROUNDS. INPUT is a Parquet file of either table of compare.py; its rows are taken into memory,
// written ROUNDS times row by row, and read again as often. Prints the best CPU seconds of each as JSON.
import Foundation
import Parquet

/// CPU seconds of this process so far.
func cpuSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

func best(_ rounds: Int, _ body: () throws -> Void) rethrows -> Double {
    var least = Double.infinity
    for _ in 0..<rounds {
        let start = cpuSeconds()
        try body()
        least = min(least, cpuSeconds() - start)
    }
    return least
}

/// A whole column of the input: numbers with nulls, or texts in one buffer, as a segment writer would have them at hand.
struct Input {
    var column: Column
    var chunks: [ColumnChunk]
}

final class Output {
    var bytes: [UInt8] = []
    init() { bytes.reserveCapacity(64 << 20) }
}

/// The encodings of the tables as the exporter writes them.
func schema(_ reader: ParquetReader) -> ParquetSchema {
    ParquetSchema(
        reader.schema.columns.map { column in
            var column = column
            let isCounts = reader.schema.index(named: "count") != nil
            column.encoding = !isCounts && ["timestamp", "kafka_offset"].contains(column.name) ? .delta : .dictionary
            return column
        })
}

func writeRaw(_ inputs: [Input], _ schema: ParquetSchema) throws -> [UInt8] {
    let out = Output()
    let writer = try ParquetWriter(schema: schema) { out.bytes.append(contentsOf: $0) }
    let (user, postcode, webpage) = (try writer.int64(0), try writer.bytes(1), try writer.bytes(2))
    let (moment, partition, offset) = (try writer.int64(3), try writer.int32(4), try writer.int64(5))
    let late = try writer.boolean(6)
    for group in inputs[0].chunks.indices {
        let chunks = inputs.map { $0.chunks[group] }
        guard let users = chunks[0].int64s, let postcodes = chunks[1].byteStrings, let webpages = chunks[2].byteStrings,
            let moments = chunks[3].int64s, let partitions = chunks[4].int32s, let offsets = chunks[5].int64s,
            let lates = chunks[6].booleans
        else { return [] }
        for row in users.indices {
            if chunks[0].isNull(row) { user.appendNull() } else { user.append(users[row]) }
            postcodes.withBytes(row) { postcode.append($0) }
            if chunks[2].isNull(row) { webpage.appendNull() } else { webpages.withBytes(row) { webpage.append($0) } }
            moment.append(moments[row])
            partition.append(partitions[row])
            offset.append(offsets[row])
            late.append(lates[row])
            try writer.endRow()
        }
    }
    _ = try writer.finish()
    return out.bytes
}

func writeCounts(_ inputs: [Input], _ schema: ParquetSchema) throws -> [UInt8] {
    let out = Output()
    let writer = try ParquetWriter(schema: schema) { out.bytes.append(contentsOf: $0) }
    let (postcode, moment, count) = (try writer.bytes(0), try writer.int64(1), try writer.int64(2))
    for group in inputs[0].chunks.indices {
        let chunks = inputs.map { $0.chunks[group] }
        guard let postcodes = chunks[0].byteStrings, let moments = chunks[1].int64s, let counts = chunks[2].int64s
        else { return [] }
        for row in moments.indices {
            postcodes.withBytes(row) { postcode.append($0) }
            moment.append(moments[row])
            count.append(counts[row])
            try writer.endRow()
        }
    }
    _ = try writer.finish()
    return out.bytes
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let rounds = Int(arguments[3]) else {
    fatalError("usage: parquet-benchmark INPUT OUTPUT ROUNDS")
}
let reader = try ParquetReader(MemorySource([UInt8](try Data(contentsOf: URL(filePath: arguments[1])))))
let inputs = try reader.schema.columns.enumerated().map { index, column in
    Input(column: column, chunks: try reader.rowGroups.indices.map { try reader.read(column: index, rowGroup: $0) })
}
let target = schema(reader)
var file: [UInt8] = []
let write = target.index(named: "count") == nil ? writeRaw : writeCounts
let writing = try best(rounds) { file = try write(inputs, target) }
try Data(file).write(to: URL(filePath: arguments[2]))
let reading = try best(rounds) {
    let reader = try ParquetReader(MemorySource(file))
    for group in reader.rowGroups.indices {
        for column in reader.schema.columns.indices { _ = try reader.read(column: column, rowGroup: group) }
    }
}
print("{\"write\": \(writing), \"read\": \(reading), \"size\": \(file.count)}")
