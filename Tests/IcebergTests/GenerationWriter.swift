// Purpose: upserts on a real table, generation after generation, with position deletes (v2) or merged deletion vectors
// (v3), and the rows that must be there after each, kept apart from all table code.
import Avro
import Foundation
import Iceberg

/// A writer of one table, and the oracle of its rows.
final class GenerationWriter {
    struct RowKey: Hashable {
        let postcode: String
        let timestamp: Int64
    }

    struct Location {
        let file: String
        let position: Int64
    }

    let lake: PythonLake
    let catalog: any Catalog
    let io: TableIO
    let formatVersion: Int
    var rows: [RowKey: Int64] = [:]
    private var locations: [RowKey: Location] = [:]
    private var dataFiles: [String: DataFile] = [:]
    private var vectors: [String: (file: DataFile, vector: DeletionVector)] = [:]
    private var numbers: Numbers
    private var nowMilliseconds: Int64 = 1_700_000_000_000

    init(_ lake: PythonLake, _ catalog: any Catalog, _ io: TableIO, formatVersion: Int, seed: UInt64) {
        self.lake = lake
        self.catalog = catalog
        self.io = io
        self.formatVersion = formatVersion
        numbers = Numbers(seed: seed)
    }

    /// Changes some rows and adds some, as one commit.
    func advance(_ generation: Int, policy: ManifestPolicy) async throws -> CommitOutcome {
        guard let metadata = try await catalog.load(Views.table)?.metadata else {
            return .failed(CatalogError(.notFound, ""))
        }
        var changed: [RowKey: Int64] = [:]
        for _ in 0..<40 {
            let key = RowKey(
                postcode: "SW\(numbers.next() % 12)",
                timestamp: Int64(19_000 + numbers.next() % 3) * Views.day + Int64(numbers.next() % 20) * 60_000_000)
            changed[key] = (rows[key] ?? 0) + 1
        }
        var change = ChangeSet()
        change.summary = ["test.generation": "\(generation)"]
        change.properties = ["test.last": "\(generation)"]
        try addDeletes(of: changed.keys.compactMap { locations[$0] }, metadata, generation, to: &change)
        try addRows(changed, metadata, generation, to: &change)
        nowMilliseconds += 60_000
        let identity = CommitIdentity.random(nowMilliseconds: nowMilliseconds, using: &numbers)
        let plan = try await io.stage(change, on: metadata, identity: identity, policy: policy)
        return await catalog.commit(Views.table, requirements: plan.requirements, updates: plan.updates)
    }

    private func addRows(
        _ changed: [RowKey: Int64], _ metadata: TableMetadata, _ generation: Int, to change: inout ChangeSet
    ) throws {
        let byDay = Dictionary(grouping: changed) { Int32($0.key.timestamp / Views.day) }
        for (day, group) in byDay.sorted(by: { $0.key < $1.key }) {
            let path = "\(metadata.dataFolder)/timestamp_day=\(day)/g\(generation)-\(day).parquet"
            let sorted = group.sorted { ($0.key.timestamp, $0.key.postcode) < ($1.key.timestamp, $1.key.postcode) }
            let written = try lake.call(
                "write_data", .string(path),
                .array(
                    sorted.map { .array([.string($0.key.postcode), .integer($0.key.timestamp), .integer($0.value)]) }))
            var file = Views.dataFile(path, day: day, rows: Int64(sorted.count))
            file.fileSizeBytes = written["size"]?.integer ?? 0
            change.addedDataFiles.append(file)
            dataFiles[path] = file
            for (position, row) in sorted.enumerated() {
                rows[row.key] = row.value
                locations[row.key] = Location(file: path, position: Int64(position))
            }
        }
    }

    private func addDeletes(
        of old: [Location], _ metadata: TableMetadata, _ generation: Int, to change: inout ChangeSet
    ) throws {
        guard !old.isEmpty else { return }
        if formatVersion == 2 {
            try addPositionDeletes(of: old, metadata, generation, to: &change)
        } else {
            try addVectors(of: old, metadata, generation, to: &change)
        }
    }

    private func addPositionDeletes(
        of old: [Location], _ metadata: TableMetadata, _ generation: Int, to change: inout ChangeSet
    ) throws {
        for (partition, group) in Dictionary(grouping: old, by: { dataFiles[$0.file]?.partition ?? [] }) {
            guard case .int(let day)? = partition.first ?? nil else { continue }
            let path = "\(metadata.dataFolder)/timestamp_day=\(day)/g\(generation)-\(day)-deletes.parquet"
            let sorted = group.sorted { ($0.file, $0.position) < ($1.file, $1.position) }
            let written = try lake.call(
                "write_deletes", .string(path),
                .array(sorted.map { .array([.string($0.file), .integer($0.position)]) }))
            var file = DataFile(
                content: .positionDeletes, path: path, specID: 0, partition: partition,
                recordCount: Int64(sorted.count), fileSizeBytes: written["size"]?.integer ?? 0)
            file.metrics.lowerBounds[ReservedField.deletePath.id] = sorted.first.map { [UInt8]($0.file.utf8) }
            file.metrics.upperBounds[ReservedField.deletePath.id] = sorted.last.map { [UInt8]($0.file.utf8) }
            change.addedDeleteFiles.append(file)
        }
    }

    private func addVectors(
        of old: [Location], _ metadata: TableMetadata, _ generation: Int, to change: inout ChangeSet
    ) throws {
        var puffin = PuffinWriter()
        var placed: [(data: DataFile, vector: DeletionVector, blob: PuffinBlob)] = []
        for (path, group) in Dictionary(grouping: old, by: \.file).sorted(by: { $0.key < $1.key }) {
            guard let data = dataFiles[path] else { continue }
            var vector = DeletionVector(group.map { UInt64($0.position) })
            if let present = vectors[path] {
                vector.merge(present.vector)
                change.removedDeleteFiles.insert(present.file.key)
            }
            placed.append((data, vector, puffin.append(vector, of: path)))
        }
        let bytes = try puffin.finish(createdBy: "tests")
        let path = "\(metadata.dataFolder)/g\(generation).puffin"
        try Data(bytes).write(to: URL(filePath: String(path.dropFirst("file://".count))))
        for (data, vector, blob) in placed {
            let file = DataFile.deletionVector(
                path: path, fileSizeBytes: Int64(bytes.count), blob: blob, cardinality: vector.count, of: data)
            change.addedDeleteFiles.append(file)
            vectors[data.path] = (file, vector)
        }
    }

    /// The rows that a reader must see, in the order that lake.py gives them.
    var expected: JSON {
        .array(
            rows.map {
                (row: [JSON]([.string($0.key.postcode), .integer($0.key.timestamp), .integer($0.value)]), key: $0.key)
            }
            .sorted { ($0.key.postcode, $0.key.timestamp) < ($1.key.postcode, $1.key.timestamp) }
            .map { .array($0.row) })
    }
}
