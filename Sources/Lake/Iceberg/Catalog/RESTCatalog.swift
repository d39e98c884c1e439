// An Iceberg REST catalog (https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml): load,
// create, commit, list.
// Invariant: a commit is `failed` or `conflict` only when the answer proves it or the request was not sent. A 5xx, a
// timeout, and a connection lost after the request was sent are `unknown`.
import Avro
package import HTTP

/// Tables behind a REST catalog.
package final class RESTCatalog: Catalog {
    private let session: RESTSession
    private let settings: RESTSettings

    /// A catalog over an HTTP client. Sends nothing before the first call.
    ///
    /// - Parameters:
    ///   - uptime: a monotonic clock, for the lifetime of tokens.
    ///   - pause: waits before a retry.
    package init(
        settings: RESTSettings, client: HTTPClient,
        uptime: @escaping @Sendable () -> Duration = { ContinuousClock.now - RESTCatalog.start },
        pause: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
    ) {
        self.settings = settings
        session = RESTSession(client: client, settings: settings, uptime: uptime, pause: pause)
    }

    /// The origin of the default uptime clock.
    package static let start = ContinuousClock.now

    /// The catalog's address, as its name in messages.
    package var name: String { settings.shownAddress }

    /// The catalog's configuration: its defaults, then its overrides. May contain secrets.
    package func configuration() async throws(CatalogError) -> [String: String] {
        try await session.configured().properties
    }

    /// The table's current state; nil when there is none. See `Catalog.load`.
    package func load(_ table: TableIdentifier) async throws(CatalogError) -> LoadedTable? {
        let url = try await session.address(Self.path(table)) + "?snapshots=all"
        guard let json = try await session.get(url, doing: "load \(table)") else { return nil }
        return try Self.table(json, table)
    }

    /// Creates a table. See `Catalog.create`.
    package func create(
        _ table: TableIdentifier, _ definition: TableDefinition
    ) async throws(CatalogError) -> CreateOutcome {
        // Some catalogs answer 200 with the existing table instead of 409.
        if try await load(table) != nil { return .exists }
        try await createNamespace(table.namespace)
        let url = try await session.address("namespaces/\(RESTPath.namespace(table.namespace))/tables")
        let what = "create \(table)"
        switch try await session.send("POST", url, Self.body(table, definition)) {
        case .status(200, let json, _): return .created(try Self.table(json, table))
        case .status(409, _, _): return .exists
        case .status(let status, _, let text):
            let error = session.error(status, text, doing: what)
            throw status >= 500 ? CatalogError(.unknownOutcome, error.description) : error
        case .notSent(let reason): throw CatalogError(.unavailable, "\(what): \(reason)")
        case .lost(let reason): throw CatalogError(.unknownOutcome, "\(what): \(reason)")
        }
    }

    /// Commits a change. See `Catalog.commit`.
    package func commit(
        _ table: TableIdentifier, requirements: [TableRequirement], updates: [TableUpdate]
    ) async -> CommitOutcome {
        let what = "commit to \(table)"
        let body: JSON = .object([
            "identifier": .object([
                "namespace": .array(table.namespace.map { .string($0) }), "name": .string(table.name),
            ]),
            "requirements": .array(requirements.compactMap(\.json)), "updates": .array(updates.map(\.json)),
        ])
        do throws(CatalogError) {
            let url = try await session.address(Self.path(table))
            switch try await session.send("POST", url, body) {
            case .status(let status, let json, _) where (200..<300).contains(status):
                return .committed(try? Self.table(json, table))
            case .status(409, _, let text):
                return .conflict(session.error(409, text, doing: what).description)
            case .status(let status, _, let text):
                let error = session.error(status, text, doing: what)
                // The server may have acted on a request that timed out there or at a proxy (408).
                return status >= 500 || status == 408 ? .unknown(error.description) : .certainFailure(error)
            case .notSent(let reason): return .certainFailure(CatalogError(.unavailable, "\(what): \(reason)"))
            case .lost(let reason): return .unknown("\(what): \(reason)")
            }
        } catch {
            // Reading the configuration or the token failed, so the commit was never sent.
            return .certainFailure(error)
        }
    }

    /// The tables of a namespace. See `Catalog.list`.
    package func list(namespace: [String]) async throws(CatalogError) -> [TableIdentifier] {
        let base = try await session.address("namespaces/\(RESTPath.namespace(namespace))/tables")
        let what = "list \(namespace.joined(separator: "."))"
        var result: [TableIdentifier] = []
        var page: String?
        // Bounds the pages of a server that never ends its listing.
        for _ in 0..<10_000 {
            let url = page.map { "\(base)?pageToken=\(RESTPath.encode($0))" } ?? base
            guard let json = try await session.get(url, doing: what) else { return result }
            for identifier in json["identifiers"]?.array ?? [] {
                guard let name = identifier["name"]?.string else { continue }
                let levels = identifier["namespace"]?.array?.compactMap(\.string) ?? namespace
                result.append(TableIdentifier(namespace: levels, name: name))
            }
            guard let next = json["next-page-token"]?.string, !next.isEmpty else { return result }
            page = next
        }
        throw CatalogError(.malformed, "\(what): the listing has more than 10,000 pages")
    }
}

extension RESTCatalog {
    private func createNamespace(_ namespace: [String]) async throws(CatalogError) {
        let url = try await session.address("namespaces/\(RESTPath.namespace(namespace))")
        let what = "create namespace \(namespace.joined(separator: "."))"
        if try await session.get(url, doing: what) != nil { return }
        let body: JSON = .object([
            "namespace": .array(namespace.map { .string($0) }), "properties": .object([:]),
        ])
        switch try await session.send("POST", session.address("namespaces"), body) {
        case .status(let status, _, _) where (200..<300).contains(status) || status == 409: return
        case .status(let status, _, let text):
            throw session.error(status, text, doing: what)
        // Creating a namespace is idempotent, so an unknown outcome is as good as a failure.
        case .notSent(let reason), .lost(let reason): throw CatalogError(.unavailable, "\(what): \(reason)")
        }
    }

    private static func path(_ table: TableIdentifier) -> String {
        "namespaces/\(RESTPath.namespace(table.namespace))/tables/\(RESTPath.encode(table.name))"
    }

    private static func body(_ table: TableIdentifier, _ definition: TableDefinition) -> JSON {
        var properties = definition.properties
        properties["format-version"] = "\(definition.formatVersion)"
        return .object(
            [
                "name": .string(table.name), "schema": definition.schema.json, "partition-spec": definition.spec.json,
                "write-order": definition.sortOrder.json, "properties": .strings(properties),
                "stage-create": .bool(false), "location": definition.location.map { .string($0) },
            ], keeping: [:])
    }

    static func table(_ json: JSON, _ table: TableIdentifier) throws(CatalogError) -> LoadedTable {
        guard let members = json["metadata"] else {
            throw CatalogError(.malformed, "\(table): the catalog's answer has no metadata")
        }
        do throws(IcebergError) {
            return LoadedTable(
                metadata: try TableMetadata(json: members), metadataLocation: json["metadata-location"]?.string,
                config: Self.config(json))
        } catch { throw CatalogError(.malformed, "\(table): \(error)") }
    }

    /// The table's settings, overridden by the storage credentials with the longest prefix (REST catalog specification,
    /// StorageCredential).
    private static func config(_ json: JSON) -> [String: String] {
        let config = (json["config"]?.object ?? [:]).compactMapValues(\.string)
        let lent = (json["storage-credentials"]?.array ?? []).max {
            ($0["prefix"]?.string ?? "").utf8.count < ($1["prefix"]?.string ?? "").utf8.count
        }
        return config.merging((lent?["config"]?.object ?? [:]).compactMapValues(\.string)) { $1 }
    }
}
