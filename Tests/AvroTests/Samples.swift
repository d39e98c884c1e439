// The schema and records of Goldens/make.py, in Swift.
import Avro
import Foundation

enum Samples {
    static func golden(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: PythonScript.folder.appending(path: "Goldens/\(name)")))
    }

    static let schema: AvroSchema = {
        let uuid = AvroSchema.fixed(
            name: "example.lake.uuid_fixed", size: 16, attributes: ["logicalType": .string("uuid")])
        let day = AvroSchema.primitive(.int, attributes: ["logicalType": .string("date")])
        let partition = AvroSchema.Record(
            name: "example.lake.r102",
            fields: [AvroSchema.Field("day", .optional(day), id: 1000, default: .null)])
        let splits = AvroSchema.array(.long, attributes: ["element-id": .integer(133)])
        let names = AvroSchema.map(.string, attributes: ["key-id": .integer(10), "value-id": .integer(11)])
        return .record(
            AvroSchema.Record(
                name: "example.lake.entry",
                fields: [
                    AvroSchema.Field("status", .int, id: 0),
                    AvroSchema.Field("snapshot_id", .optional(.long), id: 1, default: .null),
                    AvroSchema.Field("flag", .boolean, id: 2),
                    AvroSchema.Field("ratio", .float, id: 3),
                    AvroSchema.Field("exact", .double, id: 4),
                    AvroSchema.Field("path", .string, id: 5),
                    AvroSchema.Field("raw", .optional(.bytes), id: 6, default: .null),
                    AvroSchema.Field("id", uuid, id: 7),
                    AvroSchema.Field("splits", .optional(splits), id: 8, default: .null),
                    AvroSchema.Field(
                        "sizes",
                        .entries(name: "example.lake.k117_v118", key: .int, keyID: 117, value: .long, valueID: 118),
                        id: 9),
                    AvroSchema.Field("names", names, id: 12),
                    AvroSchema.Field(
                        "kind", .enumeration(name: "example.lake.kind", symbols: ["A", "B"]), id: 13),
                    AvroSchema.Field("partition", .record(partition), id: 102),
                    AvroSchema.Field("other_id", uuid, id: 14),
                ]))
    }()

    static let entries: [AvroValue] = (0..<5).map { entry(Int64($0)) }

    static func entry(_ i: Int64) -> AvroValue {
        .record([
            .integer(i % 3), i == 0 ? .null : .integer(-(1 << 62) + i), .boolean(i % 2 == 1), .float(Float(i) + 0.5),
            .double(Double(i) / 3), .string("s3://b/ü\(i).parquet"),
            i % 2 == 1 ? .null : .bytes([0, 255, UInt8(i)]), .bytes((0..<16).map { UInt8(i + $0) }),
            i == 1 ? .null : .array([4, 1 << 40].prefix(Int(i)).map { .integer($0) }),
            .array((0..<i).map { .record([.integer($0), .integer($0 * 10)]) }),
            .array((0..<i).map { .record([.string("k\($0)"), .string("v\($0)")]) }),
            .string(i % 2 == 0 ? "A" : "B"), .record([i == 2 ? .null : .integer(18000 + i)]),
            .bytes([UInt8](repeating: 0, count: 16)),
        ])
    }

    static func write(_ codec: AvroCodec, blockBytes: Int = 200) throws -> [UInt8] {
        var writer = try AvroWriter(
            schema: schema, codec: codec, metadata: ["content": [UInt8]("data".utf8), "note": [UInt8]("ü".utf8)],
            sync: [UInt8]("0123456789abcdef".utf8), blockBytes: blockBytes)
        for entry in entries { try writer.append(entry) }
        return try writer.finish()
    }
}
