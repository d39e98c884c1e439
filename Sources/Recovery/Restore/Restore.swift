// Builds a new state from the tables only. docs/adr/0009 has the argument.
//
// The state is the one in which exactly the raw table's offsets were consumed: raw rows in time become counts, late
// rows become the late log. The ledger describes the current counts table. Where a count differs from it, because the
// counts table was ahead or behind, the count gets a newer generation, so that the next export corrects the table.
// `run` gives the state its name last, after a proof. Memory is bounded by windows and offsets.

package import Tables
package import Base
import Foundation
import Iceberg
import ObjectStorage
import State
package import Windowing

/// The result of a restore.
package struct RestoreSummary: Sendable {
    /// The state's id.
    package let stateID: String
    /// The generation of the counts table.
    package let generation: Generation
    /// The next offset of each partition.
    package let nextOffsets: [PartitionID: KafkaOffset]
    /// Number of raw rows read.
    package let rawRows: Int64
    /// Number of rows of the counts table.
    package let countRows: Int64
    /// Number of rows of the late log.
    package let lateRows: Int64
    /// Number of offsets by which the counts table is ahead of the raw table, by partition; only those ahead.
    package let readAgain: [PartitionID: Int64]
    /// The proof of the new state.
    package let proof: ProofReport
}

/// One restore.
package final class Restore {
    private let path: String
    private let settings: TableSettings
    private let windows: WindowSettings
    private let warehouse: Warehouse
    private let folder: String
    private let uniqueName: @Sendable () -> String
    private let seed: UInt64
    private let now: Int64
    private let say: (String) -> Void

    /// - Parameters:
    ///   - folder: the folder for copies of large table files while they are read.
    ///   - uniqueName: returns a new unique name.
    ///   - seed: a random number.
    ///   - now: the wall clock, milliseconds since the Unix epoch.
    ///   - say: receives one line for each step.
    package init(
        statePath: String, settings: TableSettings, windows: WindowSettings, warehouse: Warehouse, folder: String,
        uniqueName: @escaping @Sendable () -> String, seed: UInt64, now: Int64, say: @escaping (String) -> Void
    ) {
        path = statePath
        self.settings = settings
        self.windows = windows
        self.warehouse = warehouse
        self.folder = folder
        self.uniqueName = uniqueName
        self.seed = seed
        self.now = now
        self.say = say
    }

    /// Builds the state, proves it and gives it its name.
    /// - Throws: `RestoreError`, `StoreError.inUse`, `CatalogError`, `ObjectStorageError`, `SQLiteError`. No state is
    ///   made then.
    package func run() async throws -> RestoreSummary {
        let lock = try StateLock(statePath: path, holder: "pageviews restore")
        defer { withExtendedLifetime(lock) {} }
        try refuseExisting()
        let tables = try await RestoreTables.load(settings, warehouse, folder: folder, uniqueName: uniqueName)
        let temporary = path + ".restoring"
        Self.remove(temporary)
        defer { Self.remove(temporary) }
        var summary = try await build(temporary, tables)
        say("proving the new state")
        var options = ProofOptions()
        options.toleratesForeign = true
        let proof = try Proof(
            statePath: temporary, settings: settings, warehouse: warehouse, options: options, folder: folder,
            uniqueName: uniqueName, seed: seed)
        let report = try await proof.run()
        guard report.isEqual else {
            let wrong = report.checks.filter { $0.verdict == .differs }.map(\.name) + report.findings
            throw RestoreError.notEqual(wrong.prefix(5).joined(separator: "; "))
        }
        precondition(report.checks.contains { $0.verdict == .equal }, "a state without a proof gets no name")
        summary = summary.with(report)
        try refuseExisting()
        try Self.move(temporary, to: path)
        return summary
    }

    private func refuseExisting() throws {
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
            throw RestoreError.exists(path: path + suffix)
        }
    }

    private static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", ".lock", StateFiller.suffix] { SpoolFile.remove(path + suffix) }
    }

    /// Syncs the file and gives it its name. Its write-ahead log was checkpointed before.
    private static func move(_ temporary: String, to path: String) throws {
        let parent = (path as NSString).deletingLastPathComponent
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: temporary))
        try file.synchronize()
        try file.close()
        // Fails if a file with this name exists by now.
        try FileManager.default.moveItem(atPath: temporary, toPath: path)
        try SpoolFile.sync(parent.isEmpty ? "." : parent)
    }

    private func build(_ temporary: String, _ tables: RestoreTables) async throws -> RestoreSummary {
        let store = try Store(path: temporary, settings: windows, holder: "pageviews restore")
        let builder = try StateBuilder(store: store, tables: tables, windows: windows, seed: seed, now: now, say: say)
        return try await builder.build()
    }
}

extension RestoreSummary {
    package func with(_ proof: ProofReport) -> RestoreSummary {
        RestoreSummary(
            stateID: stateID, generation: generation, nextOffsets: nextOffsets, rawRows: rawRows, countRows: countRows,
            lateRows: lateRows, readAgain: readAgain, proof: proof)
    }
}
