// A reader finds its fields in files of other writers.
import Avro
import Testing

@Suite struct ResolutionTests {
    private static let reader = AvroSchema.record(
        AvroSchema.Record(
            name: "manifest_entry",
            fields: [
                AvroSchema.Field("status", .int, id: 0),
                AvroSchema.Field("snapshot_id", .optional(.long), id: 1),
                AvroSchema.Field(
                    "data_file",
                    .record(
                        AvroSchema.Record(
                            name: "r2",
                            fields: [
                                AvroSchema.Field("content", .int, id: 134, default: .integer(0)),
                                AvroSchema.Field("file_path", .string, id: 100),
                                AvroSchema.Field("record_count", .long, id: 103),
                            ])), id: 2),
                AvroSchema.Field("unnumbered", .double),
            ]))

    @Test func `fields are found by id, then by name, and promoted; the rest is skipped or takes its default`() throws {
        let file = try AvroReader(Samples.golden("foreign.avro"), file: "foreign")
        #expect(
            try file.values(as: Self.reader) == [
                .record([
                    .integer(1), .null, .record([.integer(0), .string("x"), .integer(7)]), .double(1.5),
                ]),
                .record([
                    .integer(2), .null, .record([.integer(0), .string("y"), .integer(8)]), .double(2.5),
                ]),
            ])
    }

    @Test func `a required field that the writer does not have is named`() throws {
        let file = try AvroReader(Samples.golden("foreign.avro"), file: "foreign.avro")
        let wanted = AvroSchema.record(
            AvroSchema.Record(name: "manifest_entry", fields: [AvroSchema.Field("sequence", .long, id: 3)]))
        let error = #expect(throws: AvroError.self) { try file.values(as: wanted) }
        #expect(
            error?.description
                == "Avro file foreign.avro: the record manifest_entry is written without the required field sequence (field id 3)"
        )
    }

    @Test func `a type that cannot be promoted is named with the path to it`() throws {
        let file = try AvroReader(Samples.golden("foreign.avro"), file: "foreign.avro")
        let wanted = AvroSchema.record(
            AvroSchema.Record(name: "manifest_entry", fields: [AvroSchema.Field("status", .string, id: 0)]))
        let error = #expect(throws: AvroError.self) { try file.values(as: wanted) }
        #expect(error?.reason == "status is written as int, not string")
    }

    @Test func `a map with string keys and a list of entries read alike`() throws {
        var writer = try AvroWriter(schema: .map(.int), codec: .null, sync: [UInt8](repeating: 7, count: 16))
        let value = AvroValue.array([.record([.string("a"), .integer(1)])])
        try writer.append(value)
        let wanted = AvroSchema.entries(name: "kv", key: .string, keyID: 1, value: .long, valueID: 2)
        #expect(try AvroReader(writer.finish(), file: "map").values(as: wanted) == [value])
    }
}
