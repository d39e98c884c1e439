// A state, its exporter and a warehouse in one folder, without Kafka. Tests count events and write segments directly,
// and another engine changes the tables in between.

import Base
import Foundation
import HTTP
import Iceberg
import Log
import ObjectStorage
import SQLite
import TestSupport
import Testing
import Windowing

@testable import Export
@testable import Recovery
@testable import State
@testable import Tables

/// One page view, at a number of minutes after `World.start`, late or in time.
struct View {
    var postcode: String
    var minute: Int64
    var isLate = false
}

final class World {
    /// 2021-01-26T00:00:00Z in milliseconds since the Unix epoch.
    static let start: Int64 = 1_611_619_200_000

    let folder: TemporaryFolder
    let store: SharedStore
    let settings: ExportSettings
    let warehouse: Warehouse
    let exporter: Exporter
    let clock = Clock()
    private let writer: SegmentWriter
    private var partition = PartitionProgress(partition: 0, nextOffset: 0)
    private var rawFrom: KafkaOffset = 0

    /// A clock that advances by a second at each call.
    final class Clock: @unchecked Sendable {
        private let lock = NSLock()
        private var now = World.start + 3 * 86_400_000
        func next() -> Int64 {
            lock.withLock {
                now += 1000
                return now
            }
        }
    }

    /// - Parameters:
    ///   - catalog: makes a catalog from the folder's own; nil for the folder's own.
    ///   - failPoint: called with the name of each step.
    init(
        formatVersion: Int = 2, folder: TemporaryFolder? = nil, state: String = "state.db",
        catalog: ((any Catalog) -> any Catalog)? = nil, failPoint: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        let folder = try folder ?? TemporaryFolder()
        self.folder = folder
        // Ingest gives a state its id.
        let windows = try Self.windows()
        store = SharedStore(try Store(path: folder.file(state), settings: windows, holder: "a test"))
        try store.with { store in
            if try store.stateID() == nil { try store.setMeta(.stateID, to: "state-of-a-test") }
        }
        var settings = ExportSettings(spoolFolder: folder.file("\(state).spool"))
        settings.tables.formatVersion = formatVersion
        settings.maintenance.isOn = false
        settings.keepsJSON = false
        self.settings = settings
        var warehouse = try Self.warehouse(folder)
        if let catalog {
            warehouse = Warehouse(catalog: catalog(warehouse.catalog), files: warehouse.files, root: warehouse.root)
        }
        self.warehouse = warehouse
        let clock = clock
        exporter = Exporter(
            settings: settings, store: store, warehouse: warehouse,
            environment: Self.environment(clock, failPoint))
        writer = try SegmentWriter(settings: settings, keep: []) { UUID().uuidString.lowercased() }
        partition = try store.with { try $0.progress().partitions.first } ?? partition
        rawFrom = partition.nextOffset
    }

    static func windows() throws -> WindowSettings { try WindowSettings(windowMilliseconds: 60_000) }

    static func warehouse(_ folder: TemporaryFolder) throws -> Warehouse {
        try Warehouse.inFolders(
            "file://" + folder.file("lake"),
            opener: StorageOpener(
                settings: S3Settings(credentials: .fixed(Credentials(accessKeyID: "a", secretAccessKey: "b"))),
                client: try HTTPClient()),
            nowMilliseconds: { World.start + 3 * 86_400_000 })
    }

    private static func environment(
        _ clock: Clock, _ failPoint: @escaping @Sendable (String) -> Void
    ) -> WriterEnvironment {
        WriterEnvironment(
            nowMilliseconds: { clock.next() },
            identity: {
                var generator = SystemRandomNumberGenerator()
                return .random(nowMilliseconds: clock.next(), using: &generator)
            }, uniqueName: { UUID().uuidString.lowercased() }, pause: { _ in }, failPoint: failPoint,
            log: Logger { _ in })
    }

    /// Consumes events: writes counts and a segment in one flush.
    func consume(_ views: [View]) throws {
        let counts = CountDeltas(seed: 1)
        var late: [LateEvent] = []
        for view in views {
            let offset = partition.nextOffset
            let start = WindowStart(seconds: Self.start / 1000 + view.minute * 60)
            let time = start.time + 1000
            var postcode = view.postcode
            try postcode.withUTF8 { bytes in
                let bytes = UnsafeRawBufferPointer(bytes)
                let isTaken = try writer.append(
                    userID: 7, postcode: bytes, webpage: nil, time: time, partition: 0,
                    offset: offset, isLate: view.isLate, payload: bytes, now: Self.start + 3 * 86_400_000)
                #expect(isTaken)
                if view.isLate { return }
                counts.add(window: start, postcode: bytes)
            }
            if view.isLate {
                late.append(
                    LateEvent(
                        partition: 0, offset: offset, userID: 7, postcode: view.postcode, webpage: nil,
                        eventTime: time, windowStart: start,
                        latenessMilliseconds: 1, receivedAt: Self.start, payload: [0x7B, 0x7D]))
            }
            partition.nextOffset = partition.nextOffset.next
            if view.isLate { partition.late += 1 } else { partition.counted += 1 }
            partition.maxEventTime = max(partition.maxEventTime ?? WindowStart.epoch.time, time)
        }
        var flush = Flush(counts: counts)
        flush.late = late
        flush.partitions = [partition]
        flush.watermark = (partition.maxEventTime ?? WindowStart.epoch.time) - 20_001
        if let segment = try writer.close(covering: [0: OffsetSpan(from: rawFrom, to: partition.nextOffset)]) {
            flush.segments = [segment]
            rawFrom = partition.nextOffset
        }
        try store.with { try $0.write(flush, now: Self.start + 3 * 86_400_000) }
    }

    /// `count` views of postcodes E0 ..., in up to 30 minutes of each of `days` days.
    static func views(_ count: Int, postcodes: Int = 10, days: Int64 = 1) -> [View] {
        (0..<count).map {
            View(postcode: "E\($0 % postcodes)", minute: Int64($0 / postcodes) % 30 + Int64($0) % days * 1440)
        }
    }

    func export() async throws { try await exporter.cycle() }

    func backfill() async throws -> BackfillResult {
        try await Backfill(
            settings: settings.tables, store: store, warehouse: warehouse, environment: exporter.environment,
            spoolFolder: settings.spoolFolder
        ).run(BackfillRequest())
    }

    /// The state's counts in the form of the tables' readers.
    func counted() throws -> [[String]] {
        let rows = try StateReader(store.path).connection.prepare("SELECT postcode, window_start, count FROM counts")
        var found: [[String]] = []
        while try rows.step() { found.append([rows.string(0), "\(rows.int64(1))", "\(rows.int64(2))"]) }
        return found.sorted { $0.lexicographicallyPrecedes($1) }
    }

    func proof() async throws -> ProofReport {
        try await Proof(
            statePath: store.path, settings: settings.tables, warehouse: warehouse, options: ProofOptions(),
            folder: folder.file("proof"), uniqueName: { UUID().uuidString }, seed: 5
        ).run()
    }

    func restore(to name: String) async throws -> RestoreSummary {
        try await Restore(
            statePath: folder.file(name), settings: settings.tables, windows: try Self.windows(), warehouse: warehouse,
            folder: folder.file("restore"), uniqueName: { UUID().uuidString }, seed: 5,
            now: Self.start + 4 * 86_400_000, say: { _ in }
        ).run()
    }

    // MARK: The tables

    func path(_ table: ExportTable) -> String {
        folder.file("lake/pageviews/\(settings.tables.name(of: table))")
    }

    func metadata(_ table: ExportTable) async throws -> TableMetadata {
        let identifier = TableIdentifier(namespace: settings.tables.namespace, name: settings.tables.name(of: table))
        return try #require(try await warehouse.catalog.load(identifier)).metadata
    }

    /// Runs a command of another engine and returns its answer as JSON.
    @discardableResult
    func foreign(_ table: ExportTable = .counts, _ command: String, _ arguments: String...) throws -> Any {
        try Self.foreign(path(table), command, arguments)
    }

    /// The same for the table in a folder.
    @discardableResult
    static func foreign(_ folder: String, _ command: String, _ arguments: [String]) throws -> Any {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Scripts/foreign.py").path
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.venv/bin/python")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(
            filePath: ProcessInfo.processInfo.environment["PAGEVIEWS_TEST_PYTHON"] ?? root.standardizedFileURL.path)
        process.arguments = [script, folder, command] + arguments
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "foreign.py \(command) failed")
        return try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    }

    /// The counts table, read by another engine.
    func read(_ reader: String = "rows") throws -> [[String]] {
        let rows = try #require(try foreign(.counts, reader) as? [[Any]])
        return rows.map { $0.map { "\($0)" } }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Expires all snapshots but the current one, as another program does.
    func expireOthers(_ table: ExportTable) async throws {
        let identifier = TableIdentifier(namespace: settings.tables.namespace, name: settings.tables.name(of: table))
        let metadata = try await metadata(table)
        let others = metadata.snapshots.map(\.id).filter { $0 != metadata.currentSnapshotID }
        try #require(!others.isEmpty)
        let answer = await warehouse.catalog.commit(identifier, requirements: [], updates: [.removeSnapshots(others)])
        guard case .committed = answer else {
            Issue.record("the catalog did not remove the snapshots: \(answer)")
            return
        }
    }

    /// The ids of a table's snapshots, oldest first.
    func snapshots(_ table: ExportTable = .counts) async throws -> [Int64] {
        try await metadata(table).snapshots.sorted { $0.sequenceNumber < $1.sequenceNumber }.map(\.id)
    }
}

extension World {
    /// Upgrades the table in a folder to v3, as another engine does.
    static func upgrade(_ folder: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/metadata")
        let newest =
            names.filter { $0.hasPrefix("v") && $0.hasSuffix(".metadata.json") }
            .compactMap { Int($0.dropFirst().prefix { $0.isNumber }) }.max() ?? 0
        let data = try Data(contentsOf: URL(filePath: "\(folder)/metadata/v\(newest).metadata.json"))
        var json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        json["format-version"] = 3
        json["next-row-id"] = json["next-row-id"] ?? 0
        try JSONSerialization.data(withJSONObject: json)
            .write(to: URL(filePath: "\(folder)/metadata/v\(newest + 1).metadata.json"))
    }
}
