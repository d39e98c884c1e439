// Corrupt files give errors with file and position: never a crash, an endless loop or a huge allocation.
import Avro
import Testing

@Suite struct CorruptFileTests {
    @Test(arguments: AvroCodec.allCases)
    func `changed or cut files give an error that names file and byte, or values`(codec: AvroCodec) throws {
        let seed: UInt64 = 4711
        var numbers = Numbers(seed: seed)
        let original = try Samples.write(codec)
        for round in 0..<400 {
            var bytes = original
            for _ in 0...Int(numbers.next() % 4) {
                bytes[Int(numbers.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: numbers.next())
            }
            if numbers.next() % 4 == 0 { bytes.removeLast(Int(numbers.next() % UInt64(bytes.count))) }
            do {
                let reader = try AvroReader(bytes, file: "damaged.avro")
                _ = try reader.values()
                _ = try reader.values(as: Samples.schema)
            } catch let error as AvroError {
                #expect(error.file == "damaged.avro", "seed \(seed), round \(round): \(error)")
            }
        }
    }

    @Test func `every cut of a file is seen`() throws {
        let original = try Samples.write(.null, blockBytes: 1 << 20)
        // A cut directly behind the header leaves a valid file without values; every other cut is an error.
        let marker = [UInt8]("0123456789abcdef".utf8)
        let header = try #require(original.firstRange(of: marker)).upperBound
        for length in 0..<original.count where length != header {
            #expect(throws: AvroError.self, "cut at \(length)") {
                try AvroReader([UInt8](original.prefix(length)), file: "cut").values()
            }
        }
    }

    @Test func `a list of elements without bytes cannot claim to be endless`() throws {
        var writer = try AvroWriter(schema: .array(.null), codec: .null, sync: [UInt8](repeating: 9, count: 16))
        try writer.append(.array([.null, .null]))
        var bytes = try writer.finish()
        // The block is: count 1, length 2 bytes, then list count 2 (zig-zag 4) and 0.
        let content = bytes.count - 16 - 2
        #expect(bytes[content] == 4)
        bytes.replaceSubrange(content..<content + 2, with: [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x00])
        bytes[content - 1] = 18
        let error = #expect(throws: AvroError.self) { try AvroReader(bytes, file: "endless").values() }
        #expect(error?.position == content)
    }

    @Test func `wide records that take hardly any bytes cannot fill the memory`() throws {
        let nulls = (0..<5000).map { AvroSchema.Field("f\($0)", .null) }
        let wide = AvroSchema.record(AvroSchema.Record(name: "wide", fields: nulls + [AvroSchema.Field("n", .int)]))
        var writer = try AvroWriter(schema: .array(wide), codec: .deflate, sync: [UInt8](repeating: 9, count: 16))
        let value = AvroValue.record([AvroValue](repeating: .null, count: 5000) + [.integer(1)])
        try writer.append(.array([AvroValue](repeating: value, count: 400)))
        let bytes = try writer.finish()
        let error = #expect(throws: AvroError.self) { try AvroReader(bytes, file: "wide").values() }
        #expect(error?.reason.contains("more values than its bytes can mean") == true)
    }

    @Test func `a block that inflates beyond the limit is refused`() throws {
        var writer = try AvroWriter(schema: .bytes, codec: .zstandard, sync: [UInt8](repeating: 9, count: 16))
        try writer.append(.bytes([UInt8](repeating: 0, count: 1 << 20)))
        var limits = AvroReader.Limits()
        limits.blockBytes = 1 << 16
        let bytes = try writer.finish()
        let error = #expect(throws: AvroError.self) { try AvroReader(bytes, file: "bomb", limits: limits).values() }
        #expect(error?.reason.contains("larger than the limit") == true)
    }
}
