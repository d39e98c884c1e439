// Files of an Iceberg table: Avro, manifests, metadata, Puffin and deletion vectors.

import Avro
import Compression

@testable import Iceberg

extension FuzzTarget {
    private static let sync = [UInt8](repeating: 7, count: 16)

    /// Values that are read are written as a file that reads as the same values.
    static let avro = FuzzTarget("avro", longest: 2048) { bytes in
        do {
            let (schema, values) = try avroValues(bytes)
            let first = try avroFile(schema, values)
            let again = try avroValues(first)
            try require(again.schema == schema, "another schema once written")
            // By their bytes: NaN equals nothing.
            try require(try avroFile(schema, again.values) == first, "other values once written")
        } catch let error as AvroError { try requireLine(error) }
    }

    private static func avroValues(_ bytes: [UInt8]) throws -> (schema: AvroSchema, values: [AvroValue]) {
        var limits = AvroReader.Limits()
        limits.blockBytes = 1 << 20
        let reader = try AvroReader(bytes, file: "f.avro", limits: limits)
        return (reader.schema, try reader.values())
    }

    private static func avroFile(_ schema: AvroSchema, _ values: [AvroValue]) throws -> [UInt8] {
        var writer = try AvroWriter(schema: schema, codec: .null, sync: sync)
        for value in values { try writer.append(value) }
        return try writer.finish()
    }

    /// A list that is read is written as a list that reads the same.
    static let manifestList = FuzzTarget("manifest-list", longest: 4096) { bytes in
        do {
            let list = try ManifestReader.list(bytes, file: "list.avro")
            let snapshot = Snapshot(
                id: 1, parentID: nil, sequenceNumber: 1, timestampMilliseconds: 0, manifestList: "l",
                operation: .append, summary: [:], schemaID: 0)
            let first = try ManifestWriter.list(list, snapshot: snapshot, formatVersion: 3, sync: sync)
            let again = try ManifestReader.list(first, file: "again.avro")
            try require(again.map(\.path) == list.map(\.path), "other manifests once written")
            let second = try ManifestWriter.list(again, snapshot: snapshot, formatVersion: 3, sync: sync)
            try require(try ManifestReader.list(second, file: "third.avro") == again, "it changes with every write")
        } catch let error as AvroError { try requireLine(error) } catch let error as IcebergError {
            try requireLine(error)
        }
    }

    /// Entries that are read are written as a manifest that reads the same.
    static let manifest = FuzzTarget("manifest", longest: 4096) { bytes in
        do {
            for spec in [Self.table.partitionSpecs[0], PartitionSpec()] {
                let entries = try ManifestReader.entries(bytes, manifest: Self.listed, spec: spec)
                for entry in entries { bounds(entry.file.metrics) }
                _ = ManifestFile(
                    summarizing: entries, path: "m", specID: 0, content: .data, fieldCount: spec.fields.count,
                    snapshotID: 1, sequenceNumber: 1)
                let first = try manifest(entries, spec)
                let again = try ManifestReader.entries(first, manifest: Self.listed, spec: spec)
                try require(again.map(\.file.path) == entries.map(\.file.path), "other files once written")
                try require(try manifest(again, spec) == first, "it changes with every write")
            }
        } catch let error as AvroError { try requireLine(error) } catch let error as IcebergError {
            try requireLine(error)
        }
    }

    private static func manifest(_ entries: [ManifestEntry], _ spec: PartitionSpec) throws -> [UInt8] {
        try ManifestWriter.manifest(
            entries, content: .data, path: "m", spec: spec, metadata: table, snapshotID: 1, sequenceNumber: 1,
            sync: sync
        ).bytes
    }

    private static func bounds(_ metrics: FileMetrics) {
        for bound in metrics.lowerBounds.values.prefix(8) {
            for type in [FieldType.int, .long, .double, .string, .timestamptz, .uuid, .fixed(3), .boolean, .float] {
                guard let literal = Literal(binary: bound, type: type) else { continue }
                _ = (literal.binary, literal.isBefore(literal))
                for transform in ["day", "hour", "month", "year", "identity", "bucket[4]", "truncate[3]"] {
                    _ = Transform(name: transform).apply(literal, source: type)
                }
            }
        }
    }

    /// A table that is partitioned by day and postcode.
    private static let table: TableMetadata = {
        let schema = TableSchema(fields: [
            SchemaField(id: 1, name: "postcode", required: true, type: .string),
            SchemaField(id: 2, name: "window_start", required: true, type: .timestamptz),
        ])
        let spec = PartitionSpec(fields: [
            PartitionField(sourceID: 2, fieldID: 1000, name: "day", transform: .day),
            PartitionField(sourceID: 1, fieldID: 1001, name: "postcode", transform: .identity),
        ])
        do {
            return try TableMetadata(
                formatVersion: 3, uuid: "u", location: "file:///t", schema: schema, spec: spec, properties: [:],
                nowMilliseconds: 0)
        } catch { preconditionFailure("\(error)") }
    }()

    /// What its manifest list says of the manifest.
    private static let listed = ManifestFile(
        summarizing: [], path: "m.avro", specID: 0, content: .data, fieldCount: 2, snapshotID: 3, sequenceNumber: 4)

    /// Metadata that is read is written as metadata that reads the same; so is JSON.
    static let metadata = FuzzTarget("metadata", longest: 4096) { bytes in
        do {
            let json = try JSON(parsing: bytes)
            try require(try JSON(parsing: json.text()) == json, "other JSON once written")
        } catch let error as JSONSyntaxError { try requireLine(error) }
        do throws(IcebergError) {
            let metadata = try TableMetadata(parsing: bytes, file: "m.json")
            guard let text = try? metadata.bytes() else { throw IcebergError(.malformed, "\nnot written") }
            guard try TableMetadata(parsing: text, file: "again.json") == metadata else {
                throw IcebergError(.malformed, "\nanother table")
            }
            _ = metadata.defaultSpec?.text(in: metadata.currentSchema)
        } catch { try requireLine(error) }
    }

    /// Blobs that are read are written as a file that reads the same.
    static let puffin = FuzzTarget("puffin", longest: 2048) { bytes in
        do throws(IcebergError) {
            let reader = try PuffinReader(bytes, file: "f.puffin")
            var writer = PuffinWriter()
            var contents: [[UInt8]] = []
            for blob in reader.blobs where blob.compression == nil {
                contents.append(try reader.content(blob))
                writer.append(
                    contents[contents.count - 1], type: blob.type, fields: blob.fields, snapshotID: blob.snapshotID,
                    sequenceNumber: blob.sequenceNumber, properties: blob.properties)
            }
            guard let file = try? writer.finish(createdBy: "fuzz") else {
                throw IcebergError(.malformed, "\nunwritten")
            }
            let again = try PuffinReader(file, file: "again.puffin")
            for (blob, content) in zip(again.blobs, contents) where try again.content(blob) != content {
                throw IcebergError(.malformed, "\nanother blob")
            }
        } catch { try requireLine(error) }
    }

    /// A vector that is read is written as a vector of the same positions. The input is what the frame and its checksum,
    /// which hardly any input has, are around.
    static let vector = FuzzTarget("vector", longest: 1024) { bytes in
        _ = try? DeletionVector(blob: bytes, file: "f")
        let content = [0xD1, 0xD3, 0x39, 0x64] + bytes
        let length = withUnsafeBytes(of: UInt32(content.count).bigEndian) { [UInt8]($0) }
        let checksum = withUnsafeBytes(of: CRC32.checksum(content).bigEndian) { [UInt8]($0) }
        do throws(IcebergError) {
            let vector = try DeletionVector(blob: length + content + checksum, file: "f")
            guard try DeletionVector(blob: vector.blob, file: "again") == vector else {
                throw IcebergError(.malformed, "\nother positions once written")
            }
            // Eight bytes a position.
            guard vector.count < 1 << 17 else { return }
            let deleted = vector.deleted
            guard deleted.count == Int(vector.count), zip(deleted, deleted.dropFirst()).allSatisfy({ $0 < $1 }),
                DeletionVector(deleted) == vector
            else { throw IcebergError(.malformed, "\nits positions are another vector") }
        } catch { try requireLine(error) }
    }
}
