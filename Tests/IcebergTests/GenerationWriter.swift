// Upserts on a real table, generation after generation, with position deletes (v2) or merged deletion vectors
// (v3), and the rows that must be there after each, kept apart from all table code.
import Avro
import Foundation
import Iceberg

/// Where the data files of a test's table are put.
protocol LakeStore {
    /// Writes rows or deletes with pyarrow; the size of the file in bytes.
    func write(_ command: String, _ path: String, _ rows: JSON) async throws -> Int64
    /// Writes bytes.
    func write(_ path: String, _ bytes: [UInt8]) async throws
}

/// On the local disk.
struct LocalLake: LakeStore {
    let lake: PythonLake

    func write(_ command: String, _ path: String, _ rows: JSON) async throws -> Int64 {
        try lake.call(command, .string(path), rows)["size"]?.integer ?? 0
    }

    func write(_ path: String, _ bytes: [UInt8]) async throws {
        try Data(bytes).write(to: URL(filePath: String(path.dropFirst("file://".count))))
    }
}

/// In S3, by way of a local file.
struct S3Lake: LakeStore {
    let lake: PythonLake
    let files: TableFiles
    private let folder: ScratchFolder

    init(lake: PythonLake, files: TableFiles) throws {
        self.lake = lake
        self.files = files
        folder = try ScratchFolder()
    }

    func write(_ command: String, _ path: String, _ rows: JSON) async throws -> Int64 {
        let local = folder.url.appending(path: UUID().uuidString)
        let size = try lake.call(command, .string(local.path), rows)["size"]?.integer ?? 0
        try await files.write(path, [UInt8](Data(contentsOf: local)))
        return size
    }

    func write(_ path: String, _ bytes: [UInt8]) async throws { try await files.write(path, bytes) }
}

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
    let table: TableIdentifier
    let formatVersion: Int
    private let store: any LakeStore
    var rows: [RowKey: Int64] = [:]
    private var locations: [RowKey: Location] = [:]
    private var dataFiles: [String: DataFile] = [:]
    private var vectors: [String: (file: DataFile, vector: DeletionVector)] = [:]
    private var numbers: Numbers
    private var nowMilliseconds: Int64 = 1_700_000_000_000

    init(
        _ lake: PythonLake, _ catalog: any Catalog, _ io: TableIO, table: TableIdentifier = Views.table,
        formatVersion: Int,
        seed: UInt64, store: (any LakeStore)? = nil
    ) {
        self.table = table
        self.store = store ?? LocalLake(lake: lake)
        self.lake = lake
        self.catalog = catalog
        self.io = io
        self.formatVersion = formatVersion
        numbers = Numbers(seed: seed)
    }

    /// Changes some rows and adds some, as one commit.
    func advance(_ generation: Int, policy: ManifestPolicy) async throws -> CommitOutcome {
        guard let metadata = try await catalog.load(table)?.metadata else {
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
        try await addDeletes(of: changed.keys.compactMap { locations[$0] }, metadata, generation, to: &change)
        try await addRows(changed, metadata, generation, to: &change)
        nowMilliseconds += 60_000
        let identity = CommitIdentity.random(nowMilliseconds: nowMilliseconds, using: &numbers)
        let plan = try await io.stage(change, on: metadata, identity: identity, policy: policy)
        return await catalog.commit(table, requirements: plan.requirements, updates: plan.updates)
    }

    private func addRows(
        _ changed: [RowKey: Int64], _ metadata: TableMetadata, _ generation: Int, to change: inout ChangeSet
    ) async throws {
        let byDay = Dictionary(grouping: changed) { Int32($0.key.timestamp / Views.day) }
        for (day, group) in byDay.sorted(by: { $0.key < $1.key }) {
            let path = "\(metadata.dataFolder)/timestamp_day=\(day)/g\(generation)-\(day).parquet"
            let sorted = group.sorted { ($0.key.timestamp, $0.key.postcode) < ($1.key.timestamp, $1.key.postcode) }
            let written = try await store.write(
                "write_data", path,
                .array(
                    sorted.map { .array([.string($0.key.postcode), .integer($0.key.timestamp), .integer($0.value)]) }))
            var file = Views.dataFile(path, day: day, rows: Int64(sorted.count))
            file.fileSizeBytes = written
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
    ) async throws {
        guard !old.isEmpty else { return }
        if formatVersion == 2 {
            try await addPositionDeletes(of: old, metadata, generation, to: &change)
        } else {
            try await addVectors(of: old, metadata, generation, to: &change)
        }
    }

    private func addPositionDeletes(
        of old: [Location], _ metadata: TableMetadata, _ generation: Int, to change: inout ChangeSet
    ) async throws {
        for (partition, group) in Dictionary(grouping: old, by: { dataFiles[$0.file]?.partition ?? [] }) {
            guard case .int(let day)? = partition.first ?? nil else { continue }
            let path = "\(metadata.dataFolder)/timestamp_day=\(day)/g\(generation)-\(day)-deletes.parquet"
            let sorted = group.sorted { ($0.file, $0.position) < ($1.file, $1.position) }
            let written = try await store.write(
                "write_deletes", path,
                .array(sorted.map { .array([.string($0.file), .integer($0.position)]) }))
            let file = DataFile.positionDeletes(
                path: path, specID: 0, partition: partition, recordCount: Int64(sorted.count), fileSizeBytes: written,
                of: (sorted.first?.file ?? "", sorted.last?.file ?? ""))
            change.addedDeleteFiles.append(file)
        }
    }

    private func addVectors(
        of old: [Location], _ metadata: TableMetadata, _ generation: Int, to change: inout ChangeSet
    ) async throws {
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
        try await store.write(path, bytes)
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
