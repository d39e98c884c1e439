// A catalog without a server (https://iceberg.apache.org/spec/#file-system-tables). A table's metadata files are
// numbered. A commit creates the file of the next number only if it is absent, so exactly one of several writers wins.
// `metadata/vN.metadata.json` is never replaced: `TableVersions.store` writes it with `ifAbsent`. `version-hint.text`
// is written after a commit and may be stale; readers probe the numbers above it.
import Avro
import ObjectStorage
import Synchronization

/// Tables in `WAREHOUSE/NAMESPACE/TABLE/` on a store with conditional puts.
package final class FileCatalog: Catalog {
    private let files: TableFiles
    private let warehouse: String
    private let nowMilliseconds: @Sendable () -> Int64
    private let makeUUID: @Sendable () -> String

    /// A catalog of the tables below `warehouse`, an absolute location within `files`.
    ///
    /// - Parameters:
    ///   - nowMilliseconds: the clock, in milliseconds since 1970-01-01 UTC.
    ///   - makeUUID: returns a new UUID for a new table.
    package init(
        files: TableFiles, warehouse: String, nowMilliseconds: @escaping @Sendable () -> Int64,
        makeUUID: @escaping @Sendable () -> String = {
            var generator = SystemRandomNumberGenerator()
            return randomUUID(using: &generator)
        }
    ) {
        self.files = files
        self.warehouse = warehouse.droppingTrailingSlashes
        self.nowMilliseconds = nowMilliseconds
        self.makeUUID = makeUUID
    }

    /// The catalog's folder, as its name in messages.
    package var name: String { warehouse }

    /// The folder of a table.
    package func location(of table: TableIdentifier) -> String {
        "\(warehouse)/\((table.namespace + [table.name]).joined(separator: "/"))"
    }

    /// The table's current state; nil when there is none. See `Catalog.load`.
    package func load(_ table: TableIdentifier) async throws(CatalogError) -> LoadedTable? {
        try await TableVersions(files: files, location: location(of: table)).latest()?.table
    }

    /// Creates a table. See `Catalog.create`.
    package func create(
        _ table: TableIdentifier, _ definition: TableDefinition
    ) async throws(CatalogError) -> CreateOutcome {
        try Self.check(table)
        let versions = TableVersions(files: files, location: location(of: table))
        if try await versions.latest() != nil { return .exists }
        let metadata: TableMetadata
        do throws(IcebergError) {
            metadata = try TableMetadata(
                formatVersion: definition.formatVersion, uuid: makeUUID(), location: location(of: table),
                schema: definition.schema, spec: definition.spec, sortOrder: definition.sortOrder,
                properties: definition.properties, nowMilliseconds: nowMilliseconds())
        } catch { throw CatalogError(.refused, "create \(table): \(error)") }
        switch await versions.store(metadata, as: 1) {
        case .committed: return .created(LoadedTable(metadata: metadata, metadataLocation: versions.file(1)))
        case .conflict: return .exists
        case .failed(let error): throw error
        case .unknown(let reason): throw CatalogError(.unknownOutcome, "create \(table): \(reason)")
        }
    }

    /// Commits a change. See `Catalog.commit`.
    package func commit(
        _ table: TableIdentifier, requirements: [TableRequirement], updates: [TableUpdate]
    ) async -> CommitOutcome {
        let versions = TableVersions(files: files, location: location(of: table))
        let current: TableVersions.Version?
        do throws(CatalogError) { current = try await versions.latest() } catch { return .certainFailure(error) }
        for requirement in requirements {
            if let failure = requirement.failure(for: current?.table.metadata) {
                return .conflict("commit to \(table): \(failure)")
            }
        }
        guard let current else {
            return .certainFailure(CatalogError(.notFound, "commit to \(table): there is no such table"))
        }
        let old = current.table.metadata
        let new: TableMetadata
        do throws(IcebergError) {
            new = try old.applying(updates, nowMilliseconds: nowMilliseconds())
                .loggingPrevious(file: versions.file(current.number), of: old)
        } catch { return .certainFailure(CatalogError(.refused, "commit to \(table): \(error)")) }
        let added = Set(new.snapshots.map(\.id)).subtracting(old.snapshots.map(\.id))
        let outcome = await versions.store(new, as: current.number + 1, adding: added)
        if case .committed = outcome { await versions.tidy(from: old, to: new) }
        return outcome
    }

    /// The tables of a namespace. See `Catalog.list`.
    package func list(namespace: [String]) async throws(CatalogError) -> [TableIdentifier] {
        do throws(ObjectStorageError) {
            let folder = "\(warehouse)/\(namespace.joined(separator: "/"))"
            let (store, key) = try files.resolve("\(folder)/x")
            let start = key.utf8.count - 1
            var names: Set<String> = []
            for info in try await store.list(prefix: String(key.dropLast())).collect() {
                let parts = info.key.utf8.dropFirst(start).split(separator: 0x2F)
                if parts.count == 3, String(decoding: parts[1], as: UTF8.self) == "metadata" {
                    names.insert(String(decoding: parts[0], as: UTF8.self))
                }
            }
            return names.sorted().map { TableIdentifier(namespace: namespace, name: $0) }
        } catch { throw CatalogError(storage: error, doing: "list \(namespace.joined(separator: "."))") }
    }

    /// Writes an object twice with `ifAbsent`. A store that accepts the second write would let a writer replace another
    /// writer's metadata file and lose its commit.
    package func checkConditions() async throws(CatalogError) {
        let probe = "\(warehouse)/.pageviews-condition-\(makeUUID())"
        do throws(ObjectStorageError) {
            try await files.write(probe, [0x31], condition: .ifAbsent)
            let isKept = await isKept(probe)
            try? await files.delete([probe])
            if try isKept.get() { return }
        } catch { throw CatalogError(storage: error, doing: "check \(warehouse)") }
        throw CatalogError(
            .refused,
            "\(warehouse): the store ignores If-None-Match, so two writers could replace each other's commits; tables "
                + "without a catalog need a store with conditional writes: use another one, or --catalog")
    }

    /// Whether the store refuses to replace an existing object.
    private func isKept(_ probe: String) async -> Result<Bool, ObjectStorageError> {
        do throws(ObjectStorageError) {
            try await files.write(probe, [0x32], condition: .ifAbsent)
            return .success(false)
        } catch {
            return error.kind == .preconditionFailed ? .success(true) : .failure(error)
        }
    }

    private static func check(_ table: TableIdentifier) throws(CatalogError) {
        let parts = table.namespace + [table.name]
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".." && !part.utf8.contains(0x2F) && !part.utf8.contains(0)
        }
        guard isPlain, !table.namespace.isEmpty else {
            throw CatalogError(.refused, "'\(table)' cannot be a table name in a file catalog")
        }
    }
}

extension CatalogError {
    /// The catalog error for a storage error of a file catalog.
    init(storage error: ObjectStorageError, doing what: String) {
        let kind: Kind =
            switch error.kind {
            case .notFound, .storeNotFound: .notFound
            case .denied, .badCredentials, .clockSkew: .denied
            case .invalid: .refused
            case .unknownOutcome: .unknownOutcome
            case .preconditionFailed, .throttled, .unavailable, .diskFull, .cancelled: .unavailable
            }
        self.init(kind, "\(what): \(error)")
    }
}
