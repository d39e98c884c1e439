// A new state from the tables alone. docs/adr/0009 has the argument.
//
// The state is built as it was when exactly the raw table's offsets had been consumed: counts are raw rows that were not
// late, the late log is those that were. The ledger describes the counts table as it is now; where the two differ, because
// the counts table was ahead or behind, a count gets a newer generation, so that the next export brings the table level.
// Invariants: the state appears under its name only when it is complete and proven; memory is bounded by windows and offsets.

package import Tables
package import Base
import Foundation
import Iceberg
import ObjectStorage
import State
package import Windowing

/// What a restore made.
package struct RestoreSummary: Sendable {
    /// The state's id.
    package let stateID: String
    /// The generation of the counts table.
    package let generation: Generation
    /// The offset from which each partition is read on.
    package let nextOffsets: [PartitionID: KafkaOffset]
    /// Raw rows that were read.
    package let rawRows: Int64
    /// Rows of the counts table.
    package let countRows: Int64
    /// Rows of the late log.
    package let lateRows: Int64
    /// The partitions in which the counts table is ahead of the raw table, with how far.
    package let readAgain: [PartitionID: Int64]
    /// The proof of what was built.
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
    ///   - folder: where large files of the tables are copied to while they are read.
    ///   - now: milliseconds since the Unix epoch.
    ///   - say: told what is being done, in a line each.
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

    /// Builds the state, proves it and puts it into its place.
    /// - Throws: `RestoreError`, `StoreError.inUse`, and what storage, catalog and SQLite throw. No state is there then.
    package func run() async throws -> RestoreSummary {
        let lock = try StateLock(statePath: path, holder: "pageviews restore")
        defer { withExtendedLifetime(lock) {} }
        try refuseExisting()
        let tables = try await RestoreTables.load(settings, warehouse, folder: folder, uniqueName: uniqueName)
        let temporary = path + ".restoring"
        Self.remove(temporary)
        defer { Self.remove(temporary) }
        var summary = try await build(temporary, tables)
        say("proving what was built")
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
        assert(report.checks.contains { $0.verdict == .equal }, "a state without a proof gets no name")
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

    /// The file is whole: its log was copied into it, and it is on the disk before it gets its name.
    private static func move(_ temporary: String, to path: String) throws {
        let parent = (path as NSString).deletingLastPathComponent
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: temporary))
        try file.synchronize()
        try file.close()
        // Fails when there is a file of this name by now.
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
