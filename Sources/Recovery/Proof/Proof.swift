// Compares the consumed records with the state and with the exported tables.
//
// The state is read in one transaction. The counts table is read at the snapshot of this state's last settled commit,
// including later foreign commits and excluding newer commits of this state. The ledger's `exported` rows describe that
// snapshot row by row. A count of the state is compared with its row if it has not changed since that generation. Raw
// rows are recounted for the newest snapshot of the counts table whose offsets they cover.
// A proof writes nothing to the state or the warehouse: it has only readers. Memory is bounded by windows and offsets,
// not by rows.

package import Base
package import Tables
package import TableScan
import Foundation
package import Iceberg
package import State

/// One proof.
package final class Proof {
    package let settings: TableSettings
    private let warehouse: Warehouse?
    package let options: ProofOptions
    private let uniqueName: @Sendable () -> String
    package let seed: UInt64
    package let state: ProofState
    private let folder: String
    package var report = ProofReport()
    package var readers: [ExportTable: TableReader] = [:]

    /// Opens the state for reading.
    /// - Parameters:
    ///   - warehouse: the tables; nil to check only the state.
    ///   - folder: the folder for copies of large table files while they are read; created when it is missing.
    ///   - uniqueName: returns a new unique name.
    ///   - seed: a random number.
    /// - Throws: `StoreError`, `SQLiteError`.
    package init(
        statePath: String, settings: TableSettings, warehouse: Warehouse?, options: ProofOptions, folder: String,
        uniqueName: @escaping @Sendable () -> String, seed: UInt64
    ) throws {
        self.settings = settings
        self.warehouse = warehouse
        self.options = options
        self.folder = folder
        self.uniqueName = uniqueName
        self.seed = seed
        state = try ProofState(path: statePath)
    }

    /// Makes all checks.
    /// - Throws: `TableError.otherState` when the tables belong to another state, `ProofError` for an unknown snapshot,
    ///   `SQLiteError`; `CatalogError` and `ObjectStorageError` when the warehouse is unreachable.
    package func run() async throws -> ProofReport {
        report = ProofReport()
        let local = LocalProof(state: state, allowsGaps: options.allowsGaps)
        report.checks = try local.checks()
        report.findings = try local.findings()
        guard let warehouse else {
            report.checks.append(
                ProofCheck(unchecked: "tables", note: "no --warehouse: only the state was looked at"))
            return report
        }
        let loaded = try await load(warehouse)
        if let id = options.snapshotID, !loaded.values.contains(where: { $0.metadata.snapshot(id) != nil }) {
            let names = loaded.values.map(\.name).sorted().joined(separator: ", ")
            throw ProofError.noSnapshot(id: id, tables: names.isEmpty ? "the warehouse" : names)
        }
        let counts = try await proveCounts(loaded[.counts])
        try await proveRaw(loaded[.raw], counts)
        return report
    }

    // MARK: Tables

    package struct Loaded {
        package let name: String
        package let open: TableSession.Open
        package var metadata: TableMetadata { open.metadata }
    }

    private func load(_ warehouse: Warehouse) async throws -> [ExportTable: Loaded] {
        var tables: [ExportTable: Loaded] = [:]
        for kind in ExportTable.allCases {
            let identifier = TableIdentifier(namespace: settings.namespace, name: settings.name(of: kind))
            let epoch = try state.reader.epoch(of: kind)
            guard let table = try await warehouse.catalog.load(identifier) else {
                if epoch > 0 { report.findings.append("table \(identifier) is no longer in \(warehouse.catalog.name)") }
                continue
            }
            let recorded = table.metadata.properties[Mark.stateID]
            guard recorded == state.stateID, recorded != nil else {
                throw TableError.otherState(
                    table: identifier.description, recorded: recorded ?? "(none)", ours: state.stateID ?? "(none yet)")
            }
            let io = TableIO(files: try warehouse.files(table))
            let open = TableSession.Open(
                metadata: table.metadata, metadataLocation: table.metadataLocation, io: io)
            if open.epoch < epoch {
                report.findings.append(
                    "table \(identifier) lacks commits of this state (epoch \(open.epoch), exported \(epoch))")
            }
            // An impossible value is not used, so a check without it could pass.
            if let mark = open.metadata.ancestors(of: open.metadata.currentSnapshotID).impossibleMark {
                report.findings.append("table \(identifier): \(mark)")
            }
            tables[kind] = Loaded(name: identifier.description, open: open)
            readers[kind] = TableReader(open.io, open.metadata, spoolFolder: folder, uniqueName: uniqueName)
        }
        return tables
    }

    /// The table at the snapshot to compare; nil when there is nothing to compare.
    package func choose(_ kind: ExportTable, _ loaded: Loaded?) throws -> ProofTable? {
        guard let loaded else { return nil }
        let metadata = loaded.metadata
        if let id = options.snapshotID, let asked = metadata.snapshot(id) {
            let settled = try state.reader.lastSnapshot(of: kind)
            return ProofTable(
                kind: kind, name: loaded.name, open: loaded.open, snapshot: asked, isSettled: settled == id)
        }
        let progress = try state.reader.exportProgress(of: kind)
        guard progress.generation > 0 else { return nil }
        let settled = try state.reader.lastSnapshot(of: kind)
        let history = metadata.ancestors(of: metadata.currentSnapshotID)
        let rewrite = try state.reader.intent(of: kind).flatMap { intent in
            history.first { intent.isRewrite && $0.summary[Mark.commitID] == intent.commitID }
        }
        guard
            let snapshot = SnapshotChoice.choose(
                history: history, settled: rewrite?.id ?? settled, generation: progress.generation)
        else {
            report.findings.append(
                "table \(loaded.name) has no snapshot of generation \(progress.generation), the last exported: "
                    + "it has expired, or the table was rolled back")
            return nil
        }
        return ProofTable(
            kind: kind, name: loaded.name, open: loaded.open, snapshot: snapshot, isSettled: true,
            isBeingRewritten: rewrite != nil)
    }

    // MARK: Names

    /// Reports the keys that differ in the given windows.
    package func name(
        _ windows: Set<WindowStart>, _ counts: Counts?, _ rawEnds: [PartitionID: KafkaOffset]?,
        at snapshot: Snapshot? = nil
    ) async throws {
        guard let counts, !windows.isEmpty else { return }
        let detail = WindowDetail(
            state: state, counts: counts.table, countsReader: readers[.counts], rawReader: readers[.raw],
            snapshot: snapshot ?? counts.table.snapshot, isAtSettled: snapshot == nil,
            generation: counts.reading.generation,
            rawSnapshot: report.rawSnapshot,
            hasBackfilled: counts.table.metadata.ancestors(of: (snapshot ?? counts.table.snapshot)?.id).backfilled != 0,
            rawEnds: rawEnds)
        for window in windows.sorted() where report.differences.count < options.mostNamed {
            let room = options.mostNamed - report.differences.count
            report.differences += try await detail.differences(in: window).prefix(room)
        }
    }
}
