// The options of the export, and the warehouse that they describe.

import Tables
import Arguments
import Base
import Export
import Foundation
import HTTP
import Iceberg
import Ingest
import Log
import ObjectStorage

/// The export's destination, interval and limits.
struct ExportOptions: Sendable {
    var warehouse: String?
    var catalog: String?
    var catalogWarehouse: String?
    var catalogAccess = CatalogAccess()
    var s3Endpoint: String?
    var s3Region = "us-east-1"
    var s3PathStyle = false
    /// In milliseconds.
    var requestTimeout: Int64 = 60_000
    /// The rows fill in the rest; the spool folder follows from the state's path.
    var exporter = ExportSettings(spoolFolder: "")

    static let group = "Export"

    /// The secrets of warehouse and catalog.
    static let secrets = [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", CatalogAccess.token,
        CatalogAccess.credential,
    ]

    static let rows: [Option<ExportOptions>] =
        placeRows + CatalogAccess.rows.lifted(\.catalogAccess) + storageRows + tableRows
        + MaintenanceSettings.rows.lifted(\.exporter.maintenance)

    static let check = Check<ExportOptions>("catalog", "needs --warehouse") { $0.warehouse != nil || $0.catalog == nil }

    private static let placeRows: [Option<ExportOptions>] = [
        .value(
            "warehouse", \.warehouse, .text, "location",
            "Location to export to: file:///folder or s3://bucket/prefix. (default: no export)"
        ).showing(\.withoutCredentials),
        .value(
            "catalog", \.catalog, .text, "url",
            "URL of an Iceberg REST catalog. (default: the warehouse alone)"
        ).showing(\.withoutCredentials),
        .value("catalog-warehouse", \.catalogWarehouse, .text, "name", "The warehouse's name in the catalog."),
    ]

    private static let storageRows: [Option<ExportOptions>] = [
        .value("s3-endpoint", \.s3Endpoint, .text, "url", "The S3 server. (default: AWS)")
            .showing(\.withoutCredentials),
        .value("s3-region", \.s3Region, .text, "name", "The S3 region."),
        .flag("s3-path-style", \.s3PathStyle, "Put the bucket into the path, not into the host name."),
    ]

    private static let tableRows: [Option<ExportOptions>] = [
        .value(
            "namespace", \.exporter.tables.namespace,
            ValueKind(
                read: { $0.split(separator: ".").map(String.init) }, write: { $0.joined(separator: ".") }),
            "name", "The tables' namespace."),
        .value("counts-table", \.exporter.tables.countsTable, .text, "name", "The table of counts."),
        .value("raw-table", \.exporter.tables.rawTable, .text, "name", "The table of raw events."),
        .flag(
            "raw-json", \.exporter.keepsJSON, "Keep the unchanged messages as compressed JSON lines in the warehouse.",
            isInvertible: true),
        .value(
            "data-path", \.exporter.tables.dataPath, .text, "location",
            "Location of new tables' data files. (default: beside their metadata)"),
        .value(
            "spool-budget", \.exporter.spoolBudgetBytes, .size, "size",
            "Size of the backlog of raw events at which consuming pauses."),
        .value(
            "export-interval", \.exporter.intervalMilliseconds, .duration, "duration", "The time between exports.",
            bounds: .from(100...86_400_000, .duration)),
        .value(
            "request-timeout", \.requestTimeout, .duration, "duration",
            "Longest time that one request to the warehouse or the catalog may take.",
            bounds: .from(100...3_600_000, .duration)),
        .value(
            "format-version", \.exporter.tables.formatVersion, .number, "n",
            "Iceberg format of new tables: 2 or 3 (deletion vectors).", bounds: Bounds("is 2 or 3") { 2...3 ~= $0 }),
    ]

    /// The exporter's settings for a state.
    func settings(state: String) -> ExportSettings {
        var settings = exporter
        settings.spoolFolder = state + ".spool"
        return settings
    }
}

/// Builds the parts of an export from its options.
struct ExportAssembly {
    let options: ExportOptions
    let environment: [String: String]

    /// The warehouse; nil when there is no export.
    /// - Throws: `ObjectStorageError` for a malformed location, `HTTPError` when libcurl cannot be used, `UsageError`
    ///   when the catalog's address has no scheme, or its credentials are missing.
    func warehouse() throws -> Warehouse? {
        guard let location = options.warehouse else { return nil }
        let client = try HTTPClient()
        let opener = StorageOpener(settings: s3Settings([:]), client: client)
        guard let address = options.catalog else {
            return try Warehouse.inFolders(location, opener: opener, nowMilliseconds: TimeSource.system.wall)
        }
        let catalog = RESTCatalog(settings: try restSettings(address), client: client)
        return Warehouse(
            catalog: catalog, files: { table in try self.files(of: table, client) }, root: try opener.open(location))
    }

    private func restSettings(_ address: String) throws -> RESTSettings {
        var settings = RESTSettings(
            address: address, warehouse: options.catalogWarehouse,
            timeout: .milliseconds(options.requestTimeout))
        guard settings.hasWebAddress else {
            throw UsageError("--catalog \(address.withoutCredentials) must look like https://host:port")
        }
        settings.authorization = try options.catalogAccess.authorization(environment, region: options.s3Region)
        return settings
    }

    /// A table's files. The catalog's storage settings apply where the user gave none.
    private func files(of table: LoadedTable, _ client: HTTPClient) throws -> TableFiles {
        let opener = StorageOpener(settings: s3Settings(table.config), client: client)
        let places = [table.metadata.location, table.metadata.properties["write.data.path"]].compactMap { $0 }
        return TableFiles(roots: try places.map { try opener.open($0) }, opener: opener)
    }

    func s3Settings(_ catalog: [String: String]) -> S3Settings {
        var credentials = CredentialsSource.standard(environment: environment)
        if let key = catalog["s3.access-key-id"], let secret = catalog["s3.secret-access-key"] {
            credentials = .fixed(
                Credentials(accessKeyID: key, secretAccessKey: secret, sessionToken: catalog["s3.session-token"]))
        }
        var settings = S3Settings(
            endpoint: options.s3Endpoint ?? catalog["s3.endpoint"], region: catalog["s3.region"] ?? options.s3Region,
            pathStyle: options.s3PathStyle || catalog["s3.path-style-access"] == "true", credentials: credentials)
        settings.callTimeout = .milliseconds(options.requestTimeout)
        settings.stallTimeout = min(settings.stallTimeout, settings.callTimeout)
        settings.connectTimeout = min(settings.connectTimeout, settings.callTimeout)
        return settings
    }
}

extension WriterEnvironment {
    /// The system's clock and randomness. PAGEVIEWS_FAIL_POINT=NAME kills the process at a step, for recovery tests.
    static func system(log: Logger, environment: [String: String]) -> WriterEnvironment {
        let wall = TimeSource.system.wall
        return WriterEnvironment(
            nowMilliseconds: wall,
            identity: {
                var generator = SystemRandomNumberGenerator()
                return .random(nowMilliseconds: wall(), using: &generator)
            },
            uniqueName: {
                var generator = SystemRandomNumberGenerator()
                return randomUUID(using: &generator)
            },
            pause: { try await Task.sleep(for: $0) },
            failPoint: failPoint(environment), log: log)
    }

    /// Kills the process at the step that PAGEVIEWS_FAIL_POINT names.
    static func failPoint(_ environment: [String: String]) -> @Sendable (String) -> Void {
        let fatal = environment["PAGEVIEWS_FAIL_POINT"]
        return { name in if name == fatal { kill(getpid(), SIGKILL) } }
    }
}
