// The object store and the catalog as one process sees them. Both are shared; what a dead process asks for has no effect.

import Iceberg
import ObjectStorage
import Tables

/// The store of all processes, as one of them reaches it.
final class SimStore: ObjectStore, @unchecked Sendable {
    private let process: SimProcess?
    private let world: World
    let name = "s3://sim"

    /// - Parameter process: nil: the observer, for whom no fault happens.
    init(_ world: World, _ process: SimProcess?) { (self.world, self.process) = (world, process) }

    private enum Course {
        case normal
        /// The effect comes, the answer does not.
        case answerLost
    }

    /// Where faults meet a call.
    private func begin(_ operation: String, _ key: String, isWrite: Bool) throws(ObjectStorageError) -> Course {
        guard let process else { return .normal }
        world.point("\(operation) \(key.split(separator: "/").last ?? "")")
        process.pause(Int64(world.dice.number(1..<20)))
        guard !process.isDead else { throw error(.unavailable, operation, key, "the process is dead") }
        if world.faults.strikes(.storeBefore) { throw error(.unavailable, operation, key, "no answer") }
        guard isWrite else { return .normal }
        if world.faults.strikes(.storeUnknown) { throw error(.unknownOutcome, operation, key, "no answer") }
        return world.faults.strikes(.storeAfter) ? .answerLost : .normal
    }

    private func end(_ course: Course, _ operation: String, _ key: String) throws(ObjectStorageError) {
        if case .answerLost = course { throw error(.unknownOutcome, operation, key, "the answer was lost") }
    }

    func put(_ key: String, _ body: ObjectBody, condition: PutCondition) async throws(ObjectStorageError) -> ObjectInfo
    {
        let course = try begin("put", key, isWrite: true)
        var info = try await world.objects.put(key, body, condition: condition)
        info.modifiedAt = world.now / 1000
        world.modified[key] = world.now / 1000
        try end(course, "put", key)
        return info
    }

    func get(_ key: String, range: ByteRange?) async throws(ObjectStorageError) -> ObjectData {
        _ = try begin("get", key, isWrite: false)
        return try await world.objects.get(key, range: range)
    }

    func download(_ key: String, to path: String) async throws(ObjectStorageError) -> ObjectInfo {
        _ = try begin("download", key, isWrite: false)
        return try await world.objects.download(key, to: path)
    }

    func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo {
        _ = try begin("head", key, isWrite: false)
        return dated(try await world.objects.head(key))
    }

    func listPage(prefix: String, continuation: String?, limit: Int) async throws(ObjectStorageError) -> ListPage {
        _ = try begin("list", prefix, isWrite: false)
        var page = try await world.objects.listPage(prefix: prefix, continuation: continuation, limit: limit)
        page.objects = page.objects.map(dated)
        return page
    }

    func delete(_ keys: [String]) async throws(ObjectStorageError) {
        let course = try begin("delete", keys.first ?? "", isWrite: true)
        try await world.objects.delete(keys)
        try end(course, "delete", keys.first ?? "")
    }

    private func dated(_ info: ObjectInfo) -> ObjectInfo {
        var info = info
        info.modifiedAt = world.modified[info.key]
        return info
    }

    private func error(
        _ kind: ObjectStorageError.Kind, _ operation: String, _ key: String, _ detail: String
    ) -> ObjectStorageError {
        ObjectStorageError(kind: kind, operation: operation, object: "\(name)/\(key)", detail: detail)
    }
}

/// A catalog server over the observer's store: an atomic swap, and answers that get lost.
final class SimCatalog: Catalog, @unchecked Sendable {
    private let process: SimProcess
    private let inner: any Catalog
    private var world: World { process.world }
    let name = "simulated catalog"

    init(_ process: SimProcess, _ inner: any Catalog) { (self.process, self.inner) = (process, inner) }

    private func isReached(_ what: String) -> Bool {
        world.point(what)
        process.pause(Int64(world.dice.number(1..<20)))
        return !process.isDead && !world.faults.strikes(.catalogBefore)
    }

    func load(_ table: TableIdentifier) async throws(CatalogError) -> LoadedTable? {
        guard isReached("load \(table.name)") else { throw CatalogError(.unavailable, "load \(table): no answer") }
        return try await inner.load(table)
    }

    func create(
        _ table: TableIdentifier, _ definition: TableDefinition
    ) async throws(CatalogError) -> CreateOutcome {
        guard isReached("create \(table.name)") else { throw CatalogError(.unavailable, "create \(table): no answer") }
        if world.faults.strikes(.catalogUnknown) { throw CatalogError(.unknownOutcome, "create \(table): no answer") }
        let outcome = try await inner.create(table, definition)
        if world.faults.strikes(.catalogAfter) { throw CatalogError(.unknownOutcome, "create \(table): no answer") }
        return outcome
    }

    func commit(
        _ table: TableIdentifier, requirements: [TableRequirement], updates: [TableUpdate]
    ) async -> CommitOutcome {
        guard isReached("commit \(table.name)") else {
            return .failed(CatalogError(.unavailable, "commit to \(table): no answer"))
        }
        if world.faults.strikes(.catalogUnknown, factor: 3) { return .unknown("the request was lost") }
        if world.faults.strikes(.catalogLate, factor: 15) {
            arriveLater(table, requirements, updates)
            return .unknown("no answer yet")
        }
        let outcome = await inner.commit(table, requirements: requirements, updates: updates)
        world.note("commit to \(table.name): \(outcome.word)")
        guard case .committed(let loaded) = outcome else { return outcome }
        if world.faults.strikes(.catalogAfter, factor: 3) {
            // A proxy that repeats the request makes the commit conflict with itself.
            return world.dice.chance(0.5) ? .unknown("the answer was lost") : .conflict("the request was repeated")
        }
        world.point("committed")
        return world.dice.chance(0.5) ? .committed(loaded) : .committed(nil)
    }

    /// A request that waits in front of the server; its answer is dropped.
    private func arriveLater(_ table: TableIdentifier, _ requirements: [TableRequirement], _ updates: [TableUpdate]) {
        let inner = inner
        world.later(in: Int64(world.dice.number(1..<300)), "a late commit to \(table.name) arrives") { world in
            let outcome = try? world.executor.run {
                await inner.commit(table, requirements: requirements, updates: updates)
            }
            world.note("late commit to \(table.name): \(outcome?.word ?? "no outcome")")
        }
    }

    func list(namespace: [String]) async throws(CatalogError) -> [TableIdentifier] {
        guard isReached("list") else { throw CatalogError(.unavailable, "list: no answer") }
        return try await inner.list(namespace: namespace)
    }
}

extension CommitOutcome {
    fileprivate var word: String {
        switch self {
        case .committed: "applied"
        case .conflict(let text): "conflict (\(text))"
        case .failed(let error): "failed (\(error))"
        case .unknown(let text): "unknown (\(text))"
        }
    }
}

extension World {
    static let warehouseLocation = "s3://sim/lake"

    /// The warehouse as a process reaches it; nil: as the observer does.
    func warehouse(_ process: SimProcess?) throws -> Warehouse {
        let store = SimStore(self, process)
        let root = StorageRoot(
            location: Location(store: .s3(bucket: "sim"), key: "lake"), store: store,
            base: Location(store: .s3(bucket: "sim"), key: ""))
        let files = TableFiles(roots: [root])
        // With a catalog server the server writes the metadata; without one the process does.
        let isServed = hasCatalogServer && process != nil
        let catalogFiles = isServed ? TableFiles(roots: [try warehouse(nil).root]) : files
        let folders = FileCatalog(
            files: catalogFiles, warehouse: Self.warehouseLocation, nowMilliseconds: { [self] in now },
            makeUUID: { [self] in freshName() })
        let catalog: any Catalog = if let process, isServed { SimCatalog(process, folders) } else { folders }
        return Warehouse(catalog: catalog, files: { _ in files }, root: root)
    }
}
