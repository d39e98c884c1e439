// Times writing and reading Parquet for compare.py, which prints the ratios to pyarrow.
//
// Usage: parquet-benchmark INPUT OUTPUT ROUNDS. INPUT is a Parquet file of either table of compare.py. The program loads
// its rows into memory, writes them ROUNDS times row by row, and reads them ROUNDS times. Prints the best CPU seconds of
// each as JSON.
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

/// A whole column of the input in the form of a segment writer's rows: plain values, and pointers to texts.
struct Input {
    var numbers: [Int64] = []
    var flags: [Bool] = []
    var texts: [UnsafeRawBufferPointer] = []
    var isNull: [Bool] = []

    init(_ reader: ParquetReader, _ column: Int) throws {
        for group in reader.rowGroups.indices {
            let chunk = try reader.read(column: column, rowGroup: group)
            isNull += (0..<reader.rowGroups[group].rowCount).map { chunk.isNull($0) }
            switch chunk.values {
            case .boolean(let values): flags += values
            case .int32(let values): numbers += values.map { Int64($0) }
            case .int64(let values): numbers += values
            case .bytes(let values): texts += (0..<values.count).map { values.withBytes($0, Self.kept) }
            default: break
            }
        }
    }

    /// Copies text into memory that is never freed.
    static func kept(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        copy.copyMemory(from: bytes)
        return UnsafeRawBufferPointer(copy)
    }
}

final class Output {
    var bytes: [UInt8] = []
    init() { bytes.reserveCapacity(64 << 20) }
}

/// The encodings that the exporter uses for the tables.
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
    let (users, postcodes, webpages, moments) = (inputs[0], inputs[1].texts, inputs[2], inputs[3].numbers)
    let (partitions, offsets, lates) = (inputs[4].numbers, inputs[5].numbers, inputs[6].flags)
    for row in moments.indices {
        if users.isNull[row] { user.appendNull() } else { user.append(users.numbers[row]) }
        postcode.append(postcodes[row])
        if webpages.isNull[row] { webpage.appendNull() } else { webpage.append(webpages.texts[row]) }
        moment.append(moments[row])
        partition.append(Int32(truncatingIfNeeded: partitions[row]))
        offset.append(offsets[row])
        late.append(lates[row])
        try writer.endRow()
    }
    _ = try writer.finish()
    return out.bytes
}

func writeCounts(_ inputs: [Input], _ schema: ParquetSchema) throws -> [UInt8] {
    let out = Output()
    let writer = try ParquetWriter(schema: schema) { out.bytes.append(contentsOf: $0) }
    let (postcode, moment, count) = (try writer.bytes(0), try writer.int64(1), try writer.int64(2))
    let (postcodes, moments, counts) = (inputs[0].texts, inputs[1].numbers, inputs[2].numbers)
    for row in moments.indices {
        postcode.append(postcodes[row])
        moment.append(moments[row])
        count.append(counts[row])
        try writer.endRow()
    }
    _ = try writer.finish()
    return out.bytes
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let rounds = Int(arguments[3]) else {
    print("usage: parquet-benchmark INPUT OUTPUT ROUNDS")
    exit(2)
}
let reader = try ParquetReader(MemorySource([UInt8](try Data(contentsOf: URL(filePath: arguments[1])))))
let inputs = try reader.schema.columns.indices.map { try Input(reader, $0) }
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
