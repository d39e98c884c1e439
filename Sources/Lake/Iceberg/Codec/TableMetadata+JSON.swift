// Reads and writes table metadata as JSON (https://iceberg.apache.org/spec/#appendix-c-json-serialization).
package import Avro

extension TableMetadata {
    /// Reads a metadata file. Throws `IcebergError` with the file and the member, or the place of a syntax error.
    package init(parsing bytes: [UInt8], file: String) throws(IcebergError) {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch {
            throw IcebergError(.malformed, "not JSON: \(error)", in: file)
        }
        do throws(IcebergError) { self = try TableMetadata(json: json) } catch { throw error.within(file) }
    }

    /// The bytes of a metadata file.
    package func bytes() throws -> [UInt8] { try json.text() }

    /// Reads the JSON form, also of a REST catalog's answers. Throws `unsupported` for format versions other than 2 and
    /// 3, `malformed` for missing or contradictory members.
    package init(json: JSON) throws(IcebergError) {
        var reader = try FieldReader(json, "metadata")
        formatVersion = try reader.int("format-version")
        guard formatVersion == 2 || formatVersion == 3 else {
            throw IcebergError(.unsupported, "format version \(formatVersion) is not 2 or 3", in: reader.path)
        }
        uuid = try reader.string("table-uuid")
        location = try reader.string("location").droppingTrailingSlashes
        lastSequenceNumber = try reader.long("last-sequence-number")
        lastUpdatedMilliseconds = try reader.long("last-updated-ms")
        lastColumnID = try reader.int("last-column-id")
        schemas = try reader.list("schemas") { json, path throws(IcebergError) in
            try TableSchema(json: json, path: path)
        }
        currentSchemaID = try reader.int("current-schema-id")
        partitionSpecs = try reader.list("partition-specs") { json, path throws(IcebergError) in
            try PartitionSpec(json: json, path: path)
        }
        defaultSpecID = try reader.int("default-spec-id")
        lastPartitionID = try reader.optionalInt("last-partition-id") ?? PartitionSpec.firstFieldID - 1
        properties = try reader.strings("properties")
        // Some writers write -1 for a table without snapshots.
        currentSnapshotID = try reader.optionalLong("current-snapshot-id").flatMap { $0 == -1 ? nil : $0 }
        snapshots = try reader.list("snapshots") { json, path throws(IcebergError) in
            try Snapshot(json: json, path: path)
        }
        snapshotLog = try reader.list("snapshot-log") { json, path throws(IcebergError) in
            try SnapshotLogEntry(json: json, path: path)
        }
        metadataLog = try reader.list("metadata-log") { json, path throws(IcebergError) in
            try MetadataLogEntry(json: json, path: path)
        }
        sortOrders = try reader.list("sort-orders") { json, path throws(IcebergError) in
            try SortOrder(json: json, path: path)
        }
        defaultSortOrderID = try reader.optionalInt("default-sort-order-id") ?? 0
        refs = try Self.refs(&reader)
        statistics = try reader.optionalArray("statistics") ?? []
        partitionStatistics = try reader.optionalArray("partition-statistics") ?? []
        nextRowID = try reader.optionalLong("next-row-id") ?? (formatVersion >= 3 ? 0 : nil)
        // Deprecated copies of other members, which some v2 writers still write.
        for key in ["schema", "partition-spec"] { _ = reader.take(key) }
        unknown = reader.rest
        try check(reader.path)
    }

    private static func refs(_ reader: inout FieldReader) throws(IcebergError) -> [String: SnapshotRef] {
        var result: [String: SnapshotRef] = [:]
        for (name, json) in reader.take("refs")?.object ?? [:] {
            result[name] = try SnapshotRef(json: json, path: "\(reader.path).refs.\(name)")
        }
        return result
    }

    /// Throws `malformed` when members contradict each other, so later code need not check. Adds the ref `main` when
    /// missing.
    private mutating func check(_ path: String) throws(IcebergError) {
        guard currentSchema != nil else {
            throw IcebergError(.malformed, "no schema has the id \(currentSchemaID)", in: "\(path).current-schema-id")
        }
        guard defaultSpec != nil else {
            throw IcebergError(.malformed, "no spec has the id \(defaultSpecID)", in: "\(path).default-spec-id")
        }
        guard lastSequenceNumber >= 0, lastSequenceNumber < Int64.max, (nextRowID ?? 0) >= 0 else {
            throw IcebergError(.malformed, "is out of range", in: "\(path).last-sequence-number or next-row-id")
        }
        if let id = currentSnapshotID, snapshot(id) == nil {
            throw IcebergError(.malformed, "no snapshot has the id \(id)", in: "\(path).current-snapshot-id")
        }
        for (name, ref) in refs where snapshot(ref.snapshotID) == nil {
            throw IcebergError(.malformed, "no snapshot has the id \(ref.snapshotID)", in: "\(path).refs.\(name)")
        }
        if let id = currentSnapshotID, refs[SnapshotRef.main] == nil { refs[SnapshotRef.main] = .branch(id) }
    }

    /// The JSON form.
    package var json: JSON {
        .object(
            [
                "format-version": .int(formatVersion), "table-uuid": .string(uuid), "location": .string(location),
                "last-sequence-number": .integer(lastSequenceNumber),
                "last-updated-ms": .integer(lastUpdatedMilliseconds), "last-column-id": .int(lastColumnID),
                "schemas": .array(schemas.map(\.json)), "current-schema-id": .int(currentSchemaID),
                "partition-specs": .array(partitionSpecs.map(\.json)), "default-spec-id": .int(defaultSpecID),
                "last-partition-id": .int(lastPartitionID), "properties": .strings(properties),
                "current-snapshot-id": currentSnapshotID.map { .integer($0) },
                "snapshots": .array(snapshots.map(\.json)), "snapshot-log": .array(snapshotLog.map(\.json)),
                "metadata-log": .array(metadataLog.map(\.json)), "sort-orders": .array(sortOrders.map(\.json)),
                "default-sort-order-id": .int(defaultSortOrderID), "refs": .object(refs.mapValues(\.json)),
                "statistics": .array(statistics), "partition-statistics": .array(partitionStatistics),
                "next-row-id": nextRowID.map { .integer($0) },
            ], keeping: unknown)
    }
}
