// swift-tools-version: 6.3
// The shape of the project: which target may import which. ARCHITECTURE.md explains the arrows; nothing else is allowed
// (`make build` passes --explicit-target-dependency-import-check error).
import PackageDescription

/// Clang keeps compiled C modules whatever -I says, but not whatever a macro says: with this one, other headers (the pinned
/// librdkafka's and SQLite's, or the system's again) are never taken for those of the last build.
let headers = (Context.environment["PKG_CONFIG_PATH"] ?? "").filter { $0.isLetter || $0.isNumber }

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-Xcc", "-DHEADERS_\(headers)"]),
]

/// The event path: exclusive access is checked by the compiler and in debug builds, not again for every event.
let hot: [SwiftSetting] =
    strict + [
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
    ]

func module(
    _ name: String, in folder: String = "", _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = strict
) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)\(name)", swiftSettings: settings)
}

func system(_ name: String, _ pkgConfig: String? = nil, apt package: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/Bindings/C/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

func tests(_ target: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: "\(target)Tests", dependencies: [.byName(name: target)] + dependencies, path: "Tests/\(target)Tests",
        resources: resources, swiftSettings: strict)
}

/// What Tests/Fuzz reads with; its test replays the inputs that are kept, and `make fuzz` looks for more of them.
let fuzzed: [Target.Dependency] = [
    "Arguments", "Avro", "Base", "Commands", "Compression", "Dashboard", "Health", "HTTP", "Iceberg", "Ingest", "Kafka",
    "ObjectStorage", "Parquet", "Query", "State", "TopicBrowser", "YAML",
]
/// libFuzzer has its own main, which no other build may have.
let fuzz: Target =
    Context.environment["PAGEVIEWS_FUZZ"] == nil
    ? .testTarget(
        name: "FuzzTests", dependencies: fuzzed, path: "Tests/Fuzz", exclude: ["Driver", "corpus", "dictionaries"],
        sources: ["Targets", "Oracles", "Replay"], swiftSettings: strict)
    : .executableTarget(
        name: "pageviews-fuzz", dependencies: fuzzed, path: "Tests/Fuzz",
        exclude: ["Replay", "corpus", "dictionaries"],
        sources: ["Targets", "Oracles", "Driver"], swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])])

let package = Package(
    name: "pageviews",
    products: [.executable(name: "pageviews", targets: ["pageviews"])],
    targets: [
        .executableTarget(
            name: "pageviews", dependencies: ["Commands"], path: "Sources/pageviews", swiftSettings: strict),

        // What the executable does: settings, wiring, commands.
        module(
            "Commands",
            [
                "Ingest", "Query", "Export", "Recovery", "Dashboard", "Generator", "TopicBrowser", "Health", "State",
                "Windowing", "Tables", "TableScan", "Kafka", "SQLite", "Iceberg", "ObjectStorage", "HTTP", "Arguments",
                "Base", "Log", "Services", "YAML",
            ]),

        // The verbs, the page, and the sender of test events.
        module("Ingest", ["Base", "Log", "Health", "State", "SQLite", "Windowing", "Kafka"], settings: hot),
        module("Query", ["Base", "SQLite", "LineEditor"]),
        module(
            "Export",
            ["Base", "Log", "State", "Tables", "TableScan", "Parquet", "Iceberg", "ObjectStorage", "Compression"]),
        module(
            "Recovery",
            [
                "Base", "Log", "State", "Windowing", "Tables", "TableScan", "Parquet", "Iceberg", "ObjectStorage",
                "Bitmaps",
            ]),
        module("Dashboard", ["Base", "Log", "Health", "State", "HTTPServer"]),
        module("Generator", ["Base", "Kafka"]),
        module("TopicBrowser", ["Base", "Kafka"]),

        // What they share.
        module("Base", in: "Core/"),
        module("Log", in: "Core/", ["Base"]),
        module("Services", in: "Core/", ["Base"]),
        module("Arguments", in: "Core/", ["Base"]),
        module("Windowing", in: "Core/", ["Base"], settings: hot),
        module("State", in: "Core/", ["Base", "SQLite", "Windowing"]),
        module("Health", in: "Core/", ["Base", "State"]),
        module(
            "Tables",
            ["Base", "Log", "State", "SQLite", "HTTP", "TableScan", "Parquet", "Iceberg", "ObjectStorage"]),

        // Everything needed for an Iceberg table; knows nothing of page views, Kafka or SQLite.
        module("ObjectStorage", in: "Lake/", ["Base", "HTTP", "Crypto"]),
        module("Avro", in: "Lake/", ["Base", "Compression"]),
        module("Parquet", in: "Lake/", ["Base", "Compression"]),
        module("Iceberg", in: "Lake/", ["Base", "Avro", "ObjectStorage", "HTTP", "Bitmaps", "Compression"]),
        module("TableScan", in: "Lake/", ["Base", "Parquet", "Iceberg", "ObjectStorage"]),

        // The only targets that import a C module; no C type in a public signature.
        module("SQLite", in: "Bindings/", ["CSQLite"]),
        module("Kafka", in: "Bindings/", ["Base", "CRdKafka"], settings: hot),
        module("HTTP", in: "Bindings/", ["Base", "CCurl"]),
        module("LineEditor", in: "Bindings/", ["CReadline"]),
        module("Compression", in: "Bindings/", ["CZstd", "CSnappy", "CZlib", "CLZ4"]),
        module("Bitmaps", in: "Bindings/", ["CRoaring"]),
        module("YAML", in: "Bindings/", ["CYaml"]),
        module("Crypto", in: "Bindings/", ["CCrypto"]),
        module("HTTPServer", in: "Bindings/", ["Base", "CMicrohttpd"]),
        system("CSQLite", "sqlite3", apt: "libsqlite3-dev"),
        system("CRdKafka", "rdkafka", apt: "librdkafka-dev"),
        system("CCurl", "libcurl", apt: "libcurl4-openssl-dev"),
        system("CReadline", apt: "libreadline-dev"),
        system("CZstd", "libzstd", apt: "libzstd-dev"),
        system("CSnappy", "snappy", apt: "libsnappy-dev"),
        system("CZlib", "zlib", apt: "zlib1g-dev"),
        system("CLZ4", "liblz4", apt: "liblz4-dev"),
        system("CRoaring", apt: "libroaring-dev"),
        system("CYaml", "yaml-0.1", apt: "libyaml-dev"),
        system("CCrypto", "libcrypto", apt: "libssl-dev"),
        system("CMicrohttpd", "libmicrohttpd", apt: "libmicrohttpd-dev"),

        // What several test targets share: temporary folders, seeded randomness.
        .target(name: "TestSupport", dependencies: ["Base"], path: "Tests/Support", swiftSettings: strict),
        // The whole pipeline over simulated brokers, store, disk and clock.
        .target(name: "CSimDisk", path: "Tests/Simulation/Disk"),
        .target(
            name: "Simulation",
            dependencies: [
                "Base", "CSimDisk", "Export", "Iceberg", "Ingest", "Kafka", "Log", "ObjectStorage", "Parquet",
                "Recovery",
                "SQLite", "State", "TableScan", "Tables", "Windowing",
            ], path: "Tests/Simulation/Simulator", swiftSettings: strict),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation"], path: "Tests/Simulation/Command", swiftSettings: strict),
        tests("Simulation"),
        tests("Base"),
        tests("Log", ["Base"]),
        tests("Services", ["Base"]),
        tests("Arguments"),
        tests("YAML", ["TestSupport"]),
        tests("Crypto", ["TestSupport"]),
        tests("HTTPServer", ["TestSupport"]),
        tests("Windowing", ["Base", "TestSupport"]),
        // States and flushes to begin with.
        .target(
            name: "StateFixtures", dependencies: ["Base", "State", "Windowing"], path: "Tests/StateFixtures",
            swiftSettings: strict),
        tests("State", ["Base", "SQLite", "Windowing", "StateFixtures", "TestSupport"]),
        tests("Health", ["Base", "State", "StateFixtures", "TestSupport"]),
        tests("SQLite", ["TestSupport"]),
        tests("Kafka", ["Base"]),
        tests("Ingest", ["Base", "Health", "Kafka", "Log", "SQLite", "State", "Windowing", "TestSupport"]),
        tests("Generator", ["Base", "Kafka"]),
        tests("Dashboard", ["Base", "Health", "Log", "State", "TestSupport"]),
        tests("TopicBrowser", ["Base", "Kafka", "TestSupport"]),
        tests(
            "Commands",
            [
                "Arguments", "Base", "Generator", "Health", "Iceberg", "Ingest", "Kafka", "Log", "SQLite", "State",
                "Tables",
                "Windowing", "TestSupport",
            ]),
        tests("Query", ["Base", "SQLite", "LineEditor", "State"], resources: [.copy("Fixtures")]),
        .target(name: "FaultServer", dependencies: ["Base"], path: "Tests/FaultServer", swiftSettings: strict),
        tests("HTTP", ["FaultServer"]),
        tests("ObjectStorage", ["Base", "Crypto", "HTTP", "FaultServer"], resources: [.copy("Golden")]),
        tests("Bitmaps"),
        tests("Avro", ["Compression"], resources: [.copy("Goldens")]),
        tests(
            "Iceberg", ["Base", "Avro", "Bitmaps", "ObjectStorage", "HTTP", "Compression"],
            resources: [.copy("Scripts"), .copy("Fixtures")]),
        tests("Compression"),
        tests(
            "Export",
            [
                "Base", "State", "SQLite", "HTTP", "Iceberg", "Log", "Parquet", "ObjectStorage", "Windowing", "Tables",
                "TableScan", "Recovery", "TestSupport",
            ],
            resources: [.copy("Scripts")]),
        tests("Recovery", ["Base", "Iceberg", "Parquet", "SQLite", "Tables", "TestSupport"]),
        tests("Tables", resources: [.copy("Golden")]),
        tests("Parquet", resources: [.copy("Golden"), .copy("Scripts")]),
        .executableTarget(
            name: "parquet-benchmark", dependencies: ["Parquet"], path: "Benchmarks/parquet", exclude: ["compare.py"],
            swiftSettings: strict),
        fuzz,
    ]
)
