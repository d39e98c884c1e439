// Options of the export, and the warehouse they describe.

internal import Base
internal import ArgumentParser
internal import Export
internal import Foundation
internal import HTTP
internal import Iceberg
internal import Ingest
internal import Log
internal import ObjectStorage
internal import Store

/// A size such as `10GiB`.
struct SizeArgument: ExpressibleByArgument, Equatable {
    let bytes: Int64
    let defaultValueDescription: String

    private static let units: [(String, Int64)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("kB", 1000), ("MB", 1_000_000),
        ("GB", 1_000_000_000), ("B", 1), ("", 1),
    ]

    init?(argument text: String) {
        guard let value = Quantity.parse(text, units: Self.units) else { return nil }
        bytes = value
        defaultValueDescription = text
    }

    /// For defaults in the code.
    init(gibibytes: Int64) {
        bytes = gibibytes << 30
        defaultValueDescription = "\(gibibytes)GiB"
    }

    /// For defaults in the code.
    init(mebibytes: Int64) {
        bytes = mebibytes << 20
        defaultValueDescription = "\(mebibytes)MiB"
    }
}

/// Where exported data goes, and how often.
struct ExportOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Export to this place: file:///folder or s3://bucket/prefix. (default: no export)", valueName: "location"))
    var warehouse: String?

    @Option(
        help: ArgumentHelp(
            "An Iceberg REST catalog. (default: the tables keep themselves in the warehouse)", valueName: "url"))
    var catalog: String?

    @Option(help: ArgumentHelp("The warehouse's name in the catalog.", valueName: "name"))
    var catalogWarehouse: String?

    @Option(name: .customLong("s3-endpoint"), help: ArgumentHelp("The S3 server. (default: AWS)", valueName: "url"))
    var s3Endpoint: String?

    @Option(name: .customLong("s3-region"), help: ArgumentHelp("The S3 region.", valueName: "name"))
    var s3Region = "us-east-1"

    @Flag(name: .customLong("s3-path-style"), help: "Put the bucket into the path, not into the host name.")
    var s3PathStyle = false

    @Option(help: ArgumentHelp("The tables' namespace.", valueName: "name"))
    var namespace = "pageviews"

    @Option(help: ArgumentHelp("The table of counts.", valueName: "name"))
    var countsTable = "postcode_view_count"

    @Option(help: ArgumentHelp("The table of raw events.", valueName: "name"))
    var rawTable = "page_view"

    @Flag(inversion: .prefixedNo, help: "Keep the unchanged messages as compressed JSON lines in the warehouse.")
    var rawJson = true

    @Option(
        help: ArgumentHelp(
            "Where new tables put their data files. (default: beside their metadata)", valueName: "location"))
    var dataPath: String?

    @Option(
        help: ArgumentHelp("Consuming pauses when this much waits for export.", valueName: "size"))
    var spoolBudget = SizeArgument(gibibytes: 10)

    @Option(
        help: ArgumentHelp("The time between exports.", valueName: "duration"))
    var exportInterval = DurationArgument(milliseconds: 60_000)

    @Option(
        help: ArgumentHelp(
            "The longest time one request to the warehouse or the catalog may take.", valueName: "duration"))
    var requestTimeout = DurationArgument(milliseconds: 60_000)

    @Option(help: ArgumentHelp("Iceberg format of new tables: 2 or 3 (deletion vectors).", valueName: "n"))
    var formatVersion = 2

    @OptionGroup(title: "Maintenance") var maintenance: MaintenanceOptions

    func validate() throws {
        guard formatVersion == 2 || formatVersion == 3 else { throw ValidationError("--format-version is 2 or 3") }
        guard (100...86_400_000).contains(exportInterval.milliseconds) else {
            throw ValidationError("--export-interval must be from 100ms to 1d")
        }
        guard (100...3_600_000).contains(requestTimeout.milliseconds) else {
            throw ValidationError("--request-timeout must be from 100ms to 1h")
        }
        guard warehouse != nil || catalog == nil else { throw ValidationError("--catalog needs --warehouse") }
    }

    /// The exporter's settings for a state.
    func settings(state: String) -> ExportSettings {
        var settings = ExportSettings(spoolFolder: state + ".spool")
        settings.namespace = namespace.split(separator: ".").map(String.init)
        settings.countsTable = countsTable
        settings.rawTable = rawTable
        settings.keepsJSON = rawJson
        settings.dataPath = dataPath
        settings.spoolBudgetBytes = spoolBudget.bytes
        settings.intervalMilliseconds = exportInterval.milliseconds
        settings.formatVersion = formatVersion
        settings.maintenance = maintenance.settings
        return settings
    }
}

/// Builds the parts of an export from its options.
struct ExportAssembly {
    let options: ExportOptions
    let environment: [String: String]

    /// The warehouse; nil when there is no export.
    /// - Throws: `ObjectStorageError` for a malformed location, `HTTPError` when libcurl cannot be used.
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
            timeout: .milliseconds(options.requestTimeout.milliseconds))
        if let token = environment["PAGEVIEWS_CATALOG_TOKEN"] {
            settings.authorization = .bearer(token)
        } else if let id = environment["AWS_ACCESS_KEY_ID"], let secret = environment["AWS_SECRET_ACCESS_KEY"] {
            settings.authorization = .clientCredentials(id: id, secret: secret, scope: "catalog", server: nil)
        }
        return settings
    }

    /// A table's files, with what the catalog says of its storage where the user said nothing.
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
        settings.callTimeout = .milliseconds(options.requestTimeout.milliseconds)
        settings.stallTimeout = min(settings.stallTimeout, settings.callTimeout)
        settings.connectTimeout = min(settings.connectTimeout, settings.callTimeout)
        return settings
    }
}

extension ExportEnvironment {
    /// The machine's clock and randomness. PAGEVIEWS_FAIL_POINT=NAME ends the process at a step, for tests of recovery.
    static func system(log: Logger, environment: [String: String]) -> ExportEnvironment {
        let wall = TimeSource.system.wall
        return ExportEnvironment(
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

    /// Ends the process at the step that PAGEVIEWS_FAIL_POINT names.
    static func failPoint(_ environment: [String: String]) -> @Sendable (String) -> Void {
        let fatal = environment["PAGEVIEWS_FAIL_POINT"]
        return { name in if name == fatal { kill(getpid(), SIGKILL) } }
    }
}
