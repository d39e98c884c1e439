// Changes of other writers that pyiceberg cannot make, and faulty catalogs and stores.

import State
import Base
import Foundation
import Iceberg
import ObjectStorage
import Parquet
import TestSupport
import Testing

@testable import Export
@testable import TableScan
@testable import Tables

extension PositionDelete {
    /// A position-delete file as earlier versions and other engines write it: of any number of data files.
    static func shared(
        _ rows: [PositionDelete], location: String, specID: Int = 0, partition: [Literal?]
    ) throws -> (file: DataFile, bytes: [UInt8]) {
        var bytes: [UInt8] = []
        let writer = try ParquetWriter(schema: schema) { bytes.append(contentsOf: $0) }
        let (paths, positions) = (try writer.bytes(0), try writer.int64(1))
        let sorted = rows.sorted { ($0.path, $0.position) < ($1.path, $1.position) }
        for row in sorted {
            paths.append(row.path)
            positions.append(row.position)
            try writer.endRow()
        }
        let count = try writer.finish().rowCount
        let file = DataFile.positionDeletes(
            path: location, specID: specID, partition: partition, recordCount: Int64(count),
            fileSizeBytes: Int64(bytes.count), of: (sorted.first?.path ?? "", sorted.last?.path ?? ""))
        return (file, bytes)
    }
}

extension World {
    /// Does the same as a merge-on-read UPDATE or MERGE that changes no value: deletes the rows of a postcode and
    /// writes them to another file.
    func moveRows(of postcode: String) async throws {
        let metadata = try await metadata(.counts)
        let loaded = LoadedTable(metadata: metadata, metadataLocation: nil)
        let io = TableIO(files: try warehouse.files(loaded))
        let reader = TableReader(io, metadata, spoolFolder: folder.file("moves"), uniqueName: { UUID().uuidString })
        var change = ChangeSet()
        let live = try await io.scan(metadata.currentSnapshot, of: metadata)
        for (number, task) in live.enumerated() {
            var (rows, positions): ([(WindowStart, Int64)], [Int64]) = ([], [])
            let file = try await reader.open(task, as: CountsBatch.self)
            while let batch = try file.next() {
                for row in batch.rows where batch.postcodes.string(row) == postcode {
                    rows.append((batch.windowStart(row), batch.counts[row]))
                    positions.append(batch.position(row))
                }
            }
            guard !rows.isEmpty else { continue }
            let name = "moved-\(UUID().uuidString)-\(number)"
            let counts = try CountsFile(day: 0, name: name, location: "", fileID: 0, path: self.folder.file(name))
            for (window, count) in rows { try counts.append(windowStart: window, postcode: postcode, count: count) }
            let metrics = try counts.finish().metrics
            let location = "\(metadata.dataFolder)/\(name).parquet"
            try await io.files.write(location, Array(Data(contentsOf: URL(filePath: self.folder.file(name)))))
            change.addedDataFiles.append(
                metrics.dataFile(location: location, specID: task.file.specID, partition: task.file.partition))
            if metadata.formatVersion < 3 {
                change.addedDeleteFiles.append(try await delete(positions, of: task, name, io, metadata))
            } else {
                try await vector(positions, of: task, name, io, metadata, &change)
            }
        }
        try await commit(change, metadata, io)
    }

    private func delete(
        _ positions: [Int64], of task: ScanTask, _ name: String, _ io: TableIO, _ metadata: TableMetadata
    ) async throws -> DataFile {
        let location = "\(metadata.dataFolder)/\(name)-deletes.parquet"
        let (file, bytes) = try PositionDelete.shared(
            positions.map { PositionDelete(path: task.file.path, position: $0) }, location: location,
            specID: task.file.specID, partition: task.file.partition)
        try await io.files.write(location, bytes)
        return file
    }

    private func vector(
        _ positions: [Int64], of task: ScanTask, _ name: String, _ io: TableIO, _ metadata: TableMetadata,
        _ change: inout ChangeSet
    ) async throws {
        let fetcher = FileFetcher(files: io.files, folder: folder.file("moves"), uniqueName: { UUID().uuidString })
        var vector = DeletionVector(try await DeleteReader(fetcher).deleted(task))
        for position in positions { vector.insert(UInt64(position)) }
        if let old = task.deletionVector { change.removedDeleteFiles.insert(old.key) }
        var puffin = PuffinWriter()
        let blob = puffin.append(vector, of: task.file.path)
        let bytes = try puffin.finish(createdBy: "another engine")
        let location = "\(metadata.dataFolder)/\(name).puffin"
        try await io.files.write(location, bytes)
        change.addedDeleteFiles.append(
            .deletionVector(
                path: location, fileSizeBytes: Int64(bytes.count), blob: blob, cardinality: vector.count, of: task.file)
        )
    }

    /// Replaces the manifest entry of the table's first data file.
    func forgeEntry(_ change: (inout DataFile) -> Void) async throws {
        var metadata = try await metadata(.counts)
        let io = TableIO(files: try warehouse.files(LoadedTable(metadata: metadata, metadataLocation: nil)))
        let live = try await io.scan(metadata.currentSnapshot, of: metadata)
        var file = try #require(live.first?.file)
        var removal = ChangeSet()
        removal.removedDataFiles = [file.path]
        try await commit(removal, metadata, io)
        metadata = try await self.metadata(.counts)
        change(&file)
        var addition = ChangeSet()
        addition.addedDataFiles = [file]
        try await commit(addition, metadata, io)
    }

    func commit(_ change: ChangeSet, _ metadata: TableMetadata, _ io: TableIO) async throws {
        var generator = SystemRandomNumberGenerator()
        let plan = try await io.stage(
            change, on: metadata, identity: .random(nowMilliseconds: clock.next(), using: &generator))
        let identifier = TableIdentifier(namespace: settings.tables.namespace, name: settings.tables.countsTable)
        let outcome = await warehouse.catalog.commit(
            identifier, requirements: plan.requirements, updates: plan.updates)
        guard case .committed = outcome else {
            Issue.record("the other engine's commit: \(outcome)")
            return
        }
    }
}

/// A catalog whose commits a test can answer.
final class InterposedCatalog: Catalog {
    typealias Commit =
        @Sendable (any Catalog, TableIdentifier, [TableRequirement], [TableUpdate]) async -> CommitOutcome?
    private let inner: any Catalog
    private let beneath: (any Catalog)?
    private let hook = Lock<Commit?>(nil)
    private let isAway = Lock(false)

    /// - Parameter beneath: the catalog whose store is checked; nil for the inner one.
    init(_ inner: any Catalog, beneath: (any Catalog)? = nil) { (self.inner, self.beneath) = (inner, beneath) }

    /// Called once, at the next commit; nil passes the commit to the catalog.
    func next(_ commit: @escaping Commit) { hook.withLock { $0 = commit } }

    var name: String { inner.name }
    /// Whether tables can be loaded.
    func away(_ flag: Bool) { isAway.withLock { $0 = flag } }

    func load(_ table: TableIdentifier) async throws(CatalogError) -> LoadedTable? {
        if isAway.withLock({ $0 }) { throw CatalogError(.unavailable, "the catalog is away") }
        return try await inner.load(table)
    }
    func create(
        _ table: TableIdentifier, _ definition: TableDefinition
    ) async throws(CatalogError) -> CreateOutcome { try await inner.create(table, definition) }
    func list(namespace: [String]) async throws(CatalogError) -> [TableIdentifier] {
        try await inner.list(namespace: namespace)
    }
    func checkConditions() async throws(CatalogError) { try await (beneath ?? inner).checkConditions() }

    func commit(
        _ table: TableIdentifier, requirements: [TableRequirement], updates: [TableUpdate]
    ) async -> CommitOutcome {
        let commit = hook.withLock { hook -> Commit? in
            defer { hook = nil }
            return hook
        }
        if let commit, let outcome = await commit(inner, table, requirements, updates) { return outcome }
        return await inner.commit(table, requirements: requirements, updates: updates)
    }
}

/// A store that accepts every write and ignores its condition.
final class CarelessStore: ObjectStore {
    let inner = MemoryStore()
    var name: String { inner.name }
    func put(
        _ key: String, _ body: ObjectBody, condition: PutCondition
    ) async throws(ObjectStorageError) -> ObjectInfo { try await inner.put(key, body, condition: .none) }
    func get(_ key: String, range: ByteRange?) async throws(ObjectStorageError) -> ObjectData {
        try await inner.get(key, range: range)
    }
    func download(_ key: String, to path: String) async throws(ObjectStorageError) -> ObjectInfo {
        try await inner.download(key, to: path)
    }
    func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo { try await inner.head(key) }
    func listPage(
        prefix: String, continuation: String?, limit: Int
    ) async throws(ObjectStorageError) -> ListPage {
        try await inner.listPage(prefix: prefix, continuation: continuation, limit: limit)
    }
    func delete(_ keys: [String]) async throws(ObjectStorageError) { try await inner.delete(keys) }
}
