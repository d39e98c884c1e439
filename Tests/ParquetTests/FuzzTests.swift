// Damaged files: whatever the bytes, the reader answers with values or a ParquetError that names a position within the file's
// reach; it never crashes, hangs, or asks the source for bytes that are not there.
import Parquet
import Testing

/// Reads everything; more than 0 when any of it could be read.
@discardableResult
func readAll(_ bytes: [UInt8], _ limits: ReadLimits) throws -> Int {
    let reader = try ParquetReader(MemorySource(bytes), limits: limits)
    var count = 0
    var failure: (any Error)?
    for group in reader.rowGroups.indices {
        for column in reader.schema.columns.indices {
            do {
                count += try reader.read(column: column, rowGroup: group).validity.count + 1
                _ = try reader.pageIndex(column: column, rowGroup: group)
            } catch {
                failure = error
            }
        }
    }
    if let failure { throw failure }
    return count
}

let tightLimits: ReadLimits = {
    var limits = ReadLimits()
    limits.rowGroupRows = 5_000
    limits.pageBytes = 1 << 20
    limits.chunkBytes = 4 << 20
    return limits
}()

/// Small files of all encodings, uncompressed where possible so that damage reaches the decoders.
func fuzzTargets() throws -> [(name: String, bytes: [UInt8])] {
    var random = Seeded(state: 1)
    let sample = Sample.random(rows: 60, distinct: 12, nulls: 0.3, &random)
    var options = WriterOptions()
    options.pageRows = 25
    options.compression = .none
    let names = [
        "v1_plain_none", "v1_dictionary_none", "v2_delta_none", "v2_delta_lengths_none", "v2_dictionary_snappy",
        "all_null",
    ]
    return [("ours", try sample.file(options).bytes)] + (try names.map { ($0, try Golden.file($0)) })
}

@Test("Mutated files give values or an error with a position, never a crash")
func mutations() throws {
    let seed: UInt64 = 77
    var random = Seeded(state: seed)
    var (errors, results) = (0, 0)
    for (name, original) in try fuzzTargets() {
        let footer = original.count - 8 - Int(original[original.count - 8]) - Int(original[original.count - 7]) << 8
        for round in 0..<fuzzRounds {
            var bytes = original
            // Half of the rounds damage the footer, which decides about everything else.
            let range = round % 2 == 0 ? 4..<footer : footer..<bytes.count - 4
            for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, in: range, &random) }
            do {
                try readAll(bytes, tightLimits)
                results += 1
            } catch let error as ParquetError {
                errors += 1
                expectPosition(error, within: bytes.count, "\(name), round \(round), seed \(seed)")
            }
        }
    }
    #expect(errors > fuzzRounds && results > 0)
}

/// How many rounds each file gets: some seconds in a debug build.
let fuzzRounds = 400

func mutate(_ bytes: inout [UInt8], in range: Range<Int>, _ random: inout Seeded) {
    let place = Int.random(in: range, using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[place] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
    case 2: bytes[place] = UInt8.random(in: 0...255, using: &random)
    default: for index in place..<min(place + 9, range.upperBound) { bytes[index] = 0xFF }
    }
}

func expectPosition(_ error: ParquetError, within count: Int, _ comment: String) {
    switch error {
    case .corrupt(let position, let reason), .unsupported(let position, let reason),
        .overLimit(let position, let reason):
        #expect(position >= 0 && position <= count, "\(comment): \(reason)")
    case .invalid(let reason): Issue.record("\(comment): \(reason)")
    }
}

@Test("Every truncation is an error, also with a footer put behind it")
func truncations() throws {
    let seed: UInt64 = 78
    var random = Seeded(state: seed)
    for (name, bytes) in try fuzzTargets() {
        let footerLength = Int(bytes[bytes.count - 8]) + Int(bytes[bytes.count - 7]) << 8 + 8
        let footer = bytes.suffix(footerLength)
        for _ in 0..<200 {
            let end = Int.random(in: 0..<bytes.count, using: &random)
            #expect(throws: ParquetError.self, "\(name) cut at \(end)") {
                try readAll(Array(bytes[..<end]), tightLimits)
            }
            let start = Int.random(in: 4..<bytes.count - footerLength, using: &random)
            do { try readAll(Array(bytes[..<start]) + footer, tightLimits) } catch is ParquetError {}
        }
    }
}
