// What several tests need: folders, deterministic numbers, files over a store.
import Foundation
import Iceberg
import ObjectStorage

/// A folder of its own, removed with it.
final class ScratchFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "iceberg-tests-\(UUID().uuidString.lowercased())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// The folder as a location.
    var location: String { "file://\(url.path)" }

    /// The locations of all files in it.
    func paths() throws -> [String] {
        let found = FileManager.default.enumerator(at: url, includingPropertiesForKeys: [.isRegularFileKey])
        return try (found?.allObjects ?? []).compactMap { $0 as? URL }
            .filter { try $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true }
            .map { "file://\($0.path)" }
    }

    /// The files beneath the folder, on the local disk.
    var files: TableFiles { TableFiles(location: location, store: LocalStore(root: url.path)) }
}

extension TableFiles {
    /// All files beneath `location`, in `store` by the rest of their path.
    init(location: String, store: any ObjectStore) {
        self.init { (text: String) throws(ObjectStorageError) -> (store: any ObjectStore, key: String) in
            guard text.hasPrefix(location + "/") else {
                throw ObjectStorageError(
                    kind: .invalid, operation: "open", object: text, detail: "it lies outside \(location)")
            }
            return (store, String(text.dropFirst(location.count + 1)))
        }
    }
}

/// SplitMix64: the same numbers on every machine for a seed.
struct Numbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The table of most tests: postcode, timestamp and count, by day of the timestamp.
enum Views {
    static let day: Int64 = 86_400_000_000
    static let schema = TableSchema(
        fields: [
            SchemaField(id: 1, name: "postcode", required: true, type: .string),
            SchemaField(id: 2, name: "timestamp", required: true, type: .timestamptz),
            SchemaField(id: 3, name: "count", required: true, type: .long),
        ], identifierFieldIDs: [1, 2])
    static let spec = PartitionSpec(
        fields: [PartitionField(sourceID: 2, fieldID: 1000, name: "timestamp_day", transform: .day)])
    static let table = TableIdentifier(namespace: ["pageviews"], name: "postcode_view_count")

    static func definition(_ formatVersion: Int, properties: [String: String] = [:]) -> TableDefinition {
        TableDefinition(schema: schema, spec: spec, properties: properties, formatVersion: formatVersion)
    }

    static func metadata(_ formatVersion: Int = 2, properties: [String: String] = [:]) throws -> TableMetadata {
        try TableMetadata(
            formatVersion: formatVersion, uuid: "11111111-2222-4333-8444-555555555555", location: "file:///t",
            schema: schema, spec: spec, properties: properties, nowMilliseconds: 1_700_000_000_000)
    }

    static func dataFile(_ path: String, day: Int32 = 19_000, rows: Int64 = 10) -> DataFile {
        var file = DataFile(
            content: .data, path: path, specID: 0, partition: [.int(day)], recordCount: rows, fileSizeBytes: 100 * rows)
        file.metrics.valueCounts = [1: rows, 2: rows, 3: rows]
        file.metrics.lowerBounds = [2: Literal.long(Int64(day) * Self.day).binary]
        file.metrics.upperBounds = [2: Literal.long(Int64(day) * Self.day + Self.day - 1).binary]
        return file
    }

    static func positionDeletes(_ path: String, of data: DataFile, rows: Int64 = 1) -> DataFile {
        .positionDeletes(
            path: path, specID: 0, partition: data.partition, recordCount: rows, fileSizeBytes: 50,
            of: (data.path, data.path))
    }
}
