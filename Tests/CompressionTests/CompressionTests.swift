// Round trips, limits, foreign bytes and damaged bytes for each codec.
import Compression
import Testing

/// A small seeded generator, so that a failure can be repeated.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
}

let sample: [UInt8] = Array(String(repeating: "page views, page views, page views; ", count: 8).utf8)

/// One codec behind two closures, so that each test runs over all of them.
struct Case: Sendable, CustomStringConvertible {
    let description: String
    let compress: @Sendable ([UInt8]) throws -> [UInt8]
    let decompress: @Sendable ([UInt8], Int) throws -> [UInt8]
    /// What pyarrow's and zlib's own compressors made of `sample`.
    let foreign: [UInt8]

    static let all = [
        Case(
            description: "zstd",
            compress: { try $0.withUnsafeBytes { try Zstd.compress($0, level: 3) } },
            decompress: { bytes, limit in try bytes.withUnsafeBytes { try Zstd.decompress($0, limit: limit) } },
            foreign: hex(
                "28b52ffd602000e50100e0706167652076696577732c203b2c3b2c3b2c3b2c3b2c3b2c3b2c3b200f00a00a880f54066201f540cc4015101fa80cc402ea8198812a20be574a12"
            )),
        Case(
            description: "snappy",
            compress: { try $0.withUnsafeBytes { try Snappy.compress($0) } },
            decompress: { bytes, limit in try bytes.withUnsafeBytes { try Snappy.decompress($0, limit: limit) } },
            foreign: hex("a0022c706167652076696577732c20560c00003b5a18002e3000fe2400fe2400fe2400662400")),
        Case(
            description: "deflate",
            compress: { try $0.withUnsafeBytes { try Deflate.compress($0, level: 6) } },
            decompress: { bytes, limit in try bytes.withUnsafeBytes { try Deflate.decompress($0, limit: limit) } },
            foreign: hex("2b484c4f5528cb4c2d2fd65128c0cab6c6213e32d40000")),
    ]
}

@Test("What each codec compresses it decompresses again, from nothing to a megabyte", arguments: Case.all)
func roundTrip(_ codec: Case) throws {
    var random = Seeded(state: 7)
    for size in [0, 1, 2, 100, 65_535, 65_536, 131_072, 131_073, 1_000_000] {
        let noisy = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next() & 0x0F) }
        let packed = try codec.compress(noisy)
        #expect(try codec.decompress(packed, size) == noisy)
    }
}

@Test("Bytes compressed by other programs are read", arguments: Case.all)
func foreignBytes(_ codec: Case) throws {
    #expect(try codec.decompress(codec.foreign, sample.count) == sample)
}

@Test("Content one byte above the limit is refused as too large", arguments: Case.all)
func limitIsInclusive(_ codec: Case) throws {
    let packed = try codec.compress(sample)
    #expect(try codec.decompress(packed, sample.count) == sample)
    let name = try #require(Codec(rawValue: codec.description))
    #expect(throws: CompressionError.tooLarge(name, limit: sample.count - 1)) {
        try codec.decompress(packed, sample.count - 1)
    }
}

@Test("Every truncation is an error", arguments: Case.all)
func truncations(_ codec: Case) throws {
    let packed = try codec.compress(sample)
    for end in 0..<packed.count {
        #expect(throws: CompressionError.self) { try codec.decompress(Array(packed[..<end]), 10_000) }
    }
}

@Test("Mutated bytes give an error or a result within the limit, never a crash", arguments: Case.all)
func mutations(_ codec: Case) throws {
    let seed: UInt64 = 20_260_101
    var random = Seeded(state: seed)
    let packed = try codec.compress(sample)
    for round in 0..<3_000 {
        var bytes = packed
        for _ in 0...Int.random(in: 0..<3, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if let result = try? codec.decompress(bytes, 5_000) {
            #expect(result.count <= 5_000, "seed \(seed), round \(round)")
        }
    }
}

@Test("CRC-32 gives the check value of the standard, whole and in parts")
func crc32() {
    #expect(CRC32.checksum(Array("123456789".utf8)) == 0xCBF4_3926)
    let first = CRC32.checksum(Array("12345".utf8))
    #expect(CRC32.checksum(Array("6789".utf8), previous: first) == 0xCBF4_3926)
    #expect(CRC32.checksum([]) == 0)
}

@Test("A zstd context compresses and decompresses many buffers, also after a failure")
func contextsAreReusable() throws {
    let compressor = try ZstdCompressor(level: 1)
    let decompressor = try ZstdDecompressor()
    for count in [10, 0, 100_000, 3] {
        let content = [UInt8](repeating: 42, count: count)
        var packed: [UInt8] = [1, 2, 3]
        let size = try content.withUnsafeBytes { try compressor.compress($0, appendingTo: &packed) }
        #expect(packed.count == size + 3 && packed.starts(with: [1, 2, 3]))
        let frame = Array(packed[3...])
        var output = [UInt8](repeating: 0, count: count)
        let read = try frame.withUnsafeBytes { bytes in
            try output.withUnsafeMutableBytes { try decompressor.decompress(bytes, into: $0) }
        }
        #expect(read == count && output == content)
        #expect(try frame.withUnsafeBytes { try decompressor.decompress($0, limit: count) } == content)
        #expect(throws: CompressionError.self) {
            try [9, 9, 9, 9, 9].withUnsafeBytes { try decompressor.decompress($0, limit: 10) }
        }
    }
}

@Test("Two zstd frames in a row are one content")
func concatenatedFrames() throws {
    let half = try sample.withUnsafeBytes { try Zstd.compress($0, level: 3) }
    #expect(try (half + half).withUnsafeBytes { try Zstd.decompress($0, limit: 10_000) } == sample + sample)
}

final class Collected { var bytes: [UInt8] = [] }

@Test("After a flush the zstd writer's sink holds all lines so far, and after finish a whole frame")
func streamingWriter() throws {
    let out = Collected()
    let writer = try ZstdWriter(level: 3) { out.bytes.append(contentsOf: $0) }
    var lines: [UInt8] = []
    for number in 0..<20_000 {
        let line = Array("{\"n\":\(number)}\n".utf8)
        lines += line
        try line.withUnsafeBytes { try writer.append($0) }
        if number == 9_999 {
            try writer.flush()
            // The frame is open, so its content is whole but its end is missing.
            #expect(throws: CompressionError.truncated(.zstd)) {
                try out.bytes.withUnsafeBytes { try Zstd.decompress($0, limit: 1 << 20) }
            }
        }
    }
    try writer.finish()
    #expect(try out.bytes.withUnsafeBytes { try Zstd.decompress($0, limit: 1 << 20) } == lines)
    #expect(writer.bytesIn == lines.count && writer.bytesOut == out.bytes.count)
    // A second frame after the first.
    try lines.withUnsafeBytes { try writer.append($0) }
    try writer.finish()
    #expect(try out.bytes.withUnsafeBytes { try Zstd.decompress($0, limit: 1 << 20) } == lines + lines)
}

@Test("A zstd writer whose sink failed takes nothing more")
func brokenSink() throws {
    struct DiskFull: Error {}
    let writer = try ZstdWriter { _ in throw DiskFull() }
    try sample.withUnsafeBytes { try writer.append($0) }
    #expect(throws: DiskFull.self) { try writer.finish() }
    #expect(throws: CompressionError.self) { try sample.withUnsafeBytes { try writer.append($0) } }
}

/// Codecs that are read and never written.
struct ReadOnlyCase: Sendable, CustomStringConvertible {
    let description: String
    let decompress: @Sendable ([UInt8], Int) throws -> [UInt8]
    /// What Python's gzip and pyarrow made of `sample`.
    let foreign: [UInt8]

    private static let block = hex("cf706167652076696577732c200c00031f3b1800040830000f2400c2506577733b20")

    private static func filled(
        _ bytes: [UInt8], _ limit: Int, _ read: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) throws -> Int
    ) throws -> [UInt8] {
        var target = [UInt8](repeating: 0, count: limit)
        let count = try bytes.withUnsafeBytes { source in try target.withUnsafeMutableBytes { try read(source, $0) } }
        return Array(target[..<count])
    }

    private static func bigEndian(_ number: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) }
    }

    static let all = [
        ReadOnlyCase(
            description: "gzip",
            decompress: { bytes, limit in try bytes.withUnsafeBytes { try Gzip.decompress($0, limit: limit) } },
            foreign: hex("1f8b08000000000002032b484c4f5528cb4c2d2fd65128c0cab6c6213e32d400000ab4e30620010000")),
        ReadOnlyCase(
            description: "lz4",
            decompress: { bytes, limit in try filled(bytes, limit) { try LZ4.decompress($0, into: $1) } },
            foreign: block),
        ReadOnlyCase(
            description: "lz4 in frames",
            decompress: { bytes, limit in try filled(bytes, limit) { try LZ4.decompressFrames($0, into: $1) } },
            foreign: bigEndian(sample.count) + bigEndian(block.count) + block),
    ]
}

@Test("Codecs that are only read give what other programs wrote", arguments: ReadOnlyCase.all)
func foreignBytesOfReadOnlyCodecs(_ codec: ReadOnlyCase) throws {
    #expect(try codec.decompress(codec.foreign, sample.count) == sample)
    #expect(throws: CompressionError.self) { try codec.decompress(codec.foreign, sample.count - 1) }
    for end in 1..<codec.foreign.count {
        #expect((try? codec.decompress(Array(codec.foreign[..<end]), sample.count)) != sample)
    }
    var random = Seeded(state: 20_260_102)
    for _ in 0..<3_000 {
        var bytes = codec.foreign
        for _ in 0...Int.random(in: 0..<3, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if let result = try? codec.decompress(bytes, 5_000) { #expect(result.count <= 5_000) }
    }
}

@Test("Members of gzip follow one another, frames of Hadoop too, and a bare block is taken for a frame's name")
func severalParts() throws {
    let (gzip, bare, framed) = (ReadOnlyCase.all[0], ReadOnlyCase.all[1], ReadOnlyCase.all[2])
    #expect(try gzip.decompress(gzip.foreign + gzip.foreign, 1000) == sample + sample)
    #expect(try framed.decompress(framed.foreign + framed.foreign, 1000) == sample + sample)
    #expect(try framed.decompress(bare.foreign, 1000) == sample)
    var damaged = gzip.foreign
    damaged[damaged.count - 6] ^= 1
    #expect(throws: CompressionError.self) { try gzip.decompress(damaged, 1000) }
}
