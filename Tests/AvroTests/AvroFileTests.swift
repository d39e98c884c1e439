// Container files come back as written, and fastavro's and duckdb's view of them is ours.
import Avro
import Foundation
import Testing

@Suite struct AvroFileTests {
    @Test(arguments: AvroCodec.allCases)
    func `a file written by fastavro reads as the records it was given`(codec: AvroCodec) throws {
        let reader = try AvroReader(Samples.golden("entries-\(codec.rawValue).avro"), file: "golden")
        #expect(reader.codec == codec)
        #expect(reader.metadata["note"] == [UInt8]("ü".utf8))
        #expect(reader.schema.json == Samples.schema.json)
        #expect(try reader.values() == Samples.entries)
        #expect(try reader.values(as: Samples.schema) == Samples.entries)
    }

    @Test(arguments: AvroCodec.allCases)
    func `a file comes back as it was written, attributes included`(codec: AvroCodec) throws {
        let reader = try AvroReader(Samples.write(codec), file: "ours")
        #expect(reader.schema == Samples.schema)
        #expect(reader.metadata["content"] == [UInt8]("data".utf8))
        #expect(try reader.values() == Samples.entries)
    }

    @Test func `uncompressed blocks are byte for byte those of fastavro`() throws {
        let theirs = try Samples.golden("entries-null.avro")
        let ours = try Samples.write(.null)
        let marker = [UInt8]("0123456789abcdef".utf8)
        let tail = try #require(theirs.firstRange(of: marker)).lowerBound
        let ourTail = try #require(ours.firstRange(of: marker)).lowerBound
        #expect(theirs[tail...] == ours[ourTail...])
    }

    // duckdb's reader knows neither zstandard, which the script unpacks for it, nor snappy.
    @Test(arguments: [AvroCodec.null, .deflate, .zstandard])
    func `a file written by us reads the same elsewhere`(codec: AvroCodec) throws {
        let folder = try ScratchFolder()
        let file = try folder.write(Samples.write(codec), as: "ours.avro")
        try PythonScript("Goldens/read_ours.py").run(file)
    }

    @Test func `an empty file has a header and no values`() throws {
        let writer = try AvroWriter(schema: .long, codec: .deflate, sync: [UInt8](repeating: 1, count: 16))
        let reader = try AvroReader(writer.finish(), file: "empty")
        #expect(try reader.values() == [])
    }

    @Test func `a value that is not of the schema is refused by the path to it`() throws {
        var writer = try AvroWriter(schema: Samples.schema, codec: .null, sync: [UInt8](repeating: 1, count: 16))
        guard case .record(var values) = Samples.entry(1) else { return }
        values[12] = .record([.string("monday")])
        let error = #expect(throws: AvroError.self) { try writer.append(.record(values)) }
        #expect(error?.reason == "partition: a string is not a value of union" || error?.reason.contains("day") == true)
    }

    @Test func `metadata keys that Avro keeps for itself are refused`() {
        #expect(throws: AvroError.self) {
            try AvroWriter(
                schema: .long, codec: .null, metadata: ["avro.codec": []], sync: [UInt8](repeating: 0, count: 16))
        }
    }
}
