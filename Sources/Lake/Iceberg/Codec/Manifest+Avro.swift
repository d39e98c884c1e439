// Reads and writes manifests and manifest lists in Avro (https://iceberg.apache.org/spec/#manifests).
// Invariant: entries that were read have inheritance applied. They have a snapshot id, and the sequence number and row
// id where the specification gives one.
import Avro

/// Writes manifests and manifest lists.
enum ManifestWriter {
    struct Result {
        let bytes: [UInt8]
        /// The manifest's entry in the manifest list, with path and size.
        let file: ManifestFile
    }

    /// A manifest of `entries`. An added file's nil numbers are written as null, and readers inherit them from the
    /// commit.
    static func manifest(
        _ entries: [ManifestEntry], content: ManifestContent, path: String, spec: PartitionSpec,
        metadata: TableMetadata, snapshotID: Int64, sequenceNumber: Int64, sync: [UInt8]
    ) throws -> Result {
        let types = try spec.types(in: metadata.schemasByRelevance)
        guard let schema = metadata.currentSchema else { throw IcebergError(.invalid, "the table has no schema") }
        let header: [String: [UInt8]] = [
            "schema": try schema.json.text(), "schema-id": [UInt8]("\(schema.id)".utf8),
            "partition-spec": try spec.fieldsJSON.text(), "partition-spec-id": [UInt8]("\(spec.id)".utf8),
            "format-version": [UInt8]("\(metadata.formatVersion)".utf8),
            "content": [UInt8]((content == .data ? "data" : "deletes").utf8),
        ]
        var writer = try AvroWriter(
            schema: ManifestSchema.entry(
                formatVersion: metadata.formatVersion, partition: try ManifestSchema.partition(spec, types: types)),
            codec: .deflate, metadata: header, sync: sync)
        for entry in entries { try writer.append(entry.avro(formatVersion: metadata.formatVersion)) }
        let bytes = try writer.finish()
        var file = ManifestFile(
            summarizing: entries, path: path, specID: spec.id, content: content, fieldCount: spec.fields.count,
            snapshotID: snapshotID, sequenceNumber: sequenceNumber)
        file.lengthBytes = Int64(bytes.count)
        return Result(bytes: bytes, file: file)
    }

    /// A manifest list.
    static func list(
        _ manifests: [ManifestFile], snapshot: Snapshot, formatVersion: Int, sync: [UInt8]
    ) throws -> [UInt8] {
        var header: [String: [UInt8]] = [
            "snapshot-id": [UInt8]("\(snapshot.id)".utf8), "format-version": [UInt8]("\(formatVersion)".utf8),
            "sequence-number": [UInt8]("\(snapshot.sequenceNumber)".utf8),
            "parent-snapshot-id": [UInt8]((snapshot.parentID.map { "\($0)" } ?? "null").utf8),
        ]
        if formatVersion >= 3, let first = snapshot.firstRowID {
            header["first-row-id"] = [UInt8]("\(first)".utf8)
        }
        var writer = try AvroWriter(
            schema: ManifestSchema.listEntry(formatVersion: formatVersion), codec: .deflate, metadata: header,
            sync: sync)
        for manifest in manifests { try writer.append(manifest.avro(formatVersion: formatVersion)) }
        return try writer.finish()
    }
}

/// Reads manifests and manifest lists.
package enum ManifestReader {
    /// The manifests of a manifest list. Throws `AvroError` or `IcebergError`, naming the file, when it is malformed or
    /// lists a manifest twice.
    package static func list(_ bytes: [UInt8], file: String) throws -> [ManifestFile] {
        var manifests: [ManifestFile] = []
        var seen: Set<String> = []
        try AvroReader(bytes, file: file).forEach(as: ManifestSchema.readListEntry) { value in
            let manifest = try ManifestFile(avro: value, file: file)
            guard seen.insert(manifest.path).inserted else {
                throw IcebergError(.malformed, "lists \(manifest.path) twice, so its rows would count twice", in: file)
            }
            manifests.append(manifest)
        }
        return manifests
    }

    /// The entries of a manifest with inheritance applied. `spec` is the manifest's partition spec. Throws `AvroError`
    /// or `IcebergError`, naming the file, when it is malformed or contradicts the manifest list.
    package static func entries(
        _ bytes: [UInt8], manifest: ManifestFile, spec: PartitionSpec
    ) throws -> [ManifestEntry] {
        let reader = try AvroReader(bytes, file: manifest.path)
        let partition = ManifestSchema.partition(spec, writer: reader.schema)
        var inheritance = Inheritance(manifest)
        var entries: [ManifestEntry] = []
        try reader.forEach(as: ManifestSchema.entry(formatVersion: 3, partition: partition)) { value in
            var entry = try ManifestEntry(avro: value, partition: partition, specID: spec.id, file: manifest.path)
            inheritance.apply(to: &entry)
            entries.append(entry)
        }
        try manifest.check(entries)
        return entries
    }
}

/// The values that entries inherit from their manifest (https://iceberg.apache.org/spec/#sequence-number-inheritance).
private struct Inheritance {
    private let manifest: ManifestFile
    private var nextRowID: Int64?

    init(_ manifest: ManifestFile) {
        self.manifest = manifest
        nextRowID = manifest.content == .data ? manifest.firstRowID : nil
    }

    mutating func apply(to entry: inout ManifestEntry) {
        if entry.snapshotID == nil { entry.snapshotID = manifest.addedSnapshotID }
        // Only an added file inherits sequence numbers. A v1 manifest has none, and its own is 0.
        if entry.status == .added || manifest.sequenceNumber == 0 {
            if entry.sequenceNumber == nil { entry.sequenceNumber = manifest.sequenceNumber }
            if entry.fileSequenceNumber == nil { entry.fileSequenceNumber = manifest.sequenceNumber }
        }
        assert(
            entry.snapshotID != nil && (entry.status != .added || entry.sequenceNumber != nil),
            "inheritance is applied")
        guard let next = nextRowID, entry.isLive, entry.file.content == .data, entry.file.firstRowID == nil else {
            return
        }
        entry.file.firstRowID = next
        let (sum, overflow) = next.addingReportingOverflow(max(0, entry.file.recordCount))
        nextRowID = overflow ? nil : sum
    }
}

extension ManifestFile {
    init(
        summarizing entries: [ManifestEntry], path: String, specID: Int, content: ManifestContent, fieldCount: Int,
        snapshotID: Int64, sequenceNumber: Int64
    ) {
        func files(_ status: EntryStatus) -> Int { entries.count { $0.status == status } }
        func rows(_ status: EntryStatus) -> Int64 {
            entries.reduce(0) { $1.status == status ? $0 &+ $1.file.recordCount : $0 }
        }
        self.path = path
        lengthBytes = 0
        self.specID = specID
        self.content = content
        self.sequenceNumber = sequenceNumber
        minSequenceNumber = entries.filter(\.isLive).map { $0.sequenceNumber ?? sequenceNumber }.min() ?? sequenceNumber
        addedSnapshotID = snapshotID
        addedFilesCount = files(.added)
        existingFilesCount = files(.existing)
        deletedFilesCount = files(.deleted)
        addedRowsCount = rows(.added)
        existingRowsCount = rows(.existing)
        deletedRowsCount = rows(.deleted)
        partitions = (0..<fieldCount).map { PartitionSummary(entries.map { $0.file.partition }, field: $0) }
    }
}

extension PartitionSummary {
    fileprivate init(_ partitions: [[Literal?]], field: Int) {
        var lower: Literal?
        var upper: Literal?
        containsNull = false
        containsNaN = false
        for partition in partitions {
            guard field < partition.count, let value = partition[field] else {
                containsNull = true
                continue
            }
            if case .float(let number) = value, number.isNaN { containsNaN = true; continue }
            if case .double(let number) = value, number.isNaN { containsNaN = true; continue }
            if lower.map({ value.isBefore($0) == true }) ?? true { lower = value }
            if upper.map({ $0.isBefore(value) == true }) ?? true { upper = value }
        }
        lowerBound = lower?.binary
        upperBound = upper?.binary
    }
}
