// The tables that a state is restored from, with their histories.

import Base
import Tables
import TableScan
import Foundation
import Iceberg
import ObjectStorage
import State

/// The current tables; at least one exists.
struct RestoreTables {
    package struct Table {
        package let name: String
        package let open: TableSession.Open
        package let reader: TableReader
        /// The ancestors of the current snapshot, newest first.
        package let history: [Snapshot]

        package var current: Snapshot? { open.metadata.currentSnapshot }
        package var generation: Generation { history.lazy.filter(\.isOurs).compactMap(\.generation).first ?? 0 }
    }

    package let stateID: String
    package let counts: Table?
    package let raw: Table?

    package static func load(
        _ settings: TableSettings, _ warehouse: Warehouse, folder: String, uniqueName: @escaping @Sendable () -> String
    ) async throws -> RestoreTables {
        var tables: [ExportTable: Table] = [:]
        var ids: [ExportTable: String] = [:]
        for kind in ExportTable.allCases {
            let identifier = TableIdentifier(namespace: settings.namespace, name: settings.name(of: kind))
            guard let table = try await warehouse.catalog.load(identifier) else { continue }
            guard let id = table.metadata.properties[Mark.stateID], !id.isEmpty else {
                throw RestoreError.notOurs(table: identifier.description)
            }
            ids[kind] = id
            let open = TableSession.Open(
                metadata: table.metadata, metadataLocation: table.metadataLocation,
                io: TableIO(files: try warehouse.files(table)))
            let history = table.metadata.ancestors(of: table.metadata.currentSnapshotID)
            if let mark = history.impossibleMark { throw RestoreError.damaged("table \(identifier): \(mark)") }
            tables[kind] = Table(
                name: identifier.description, open: open,
                reader: TableReader(open.io, open.metadata, spoolFolder: folder, uniqueName: uniqueName),
                history: history)
        }
        if let counts = ids[.counts], let raw = ids[.raw], counts != raw {
            throw RestoreError.differentStates(counts: counts, raw: raw)
        }
        guard let id = ids[.counts] ?? ids[.raw] else {
            throw RestoreError.nothing(
                tables: "\(settings.namespace.joined(separator: ".")) of \(warehouse.catalog.name)")
        }
        return RestoreTables(stateID: id, counts: tables[.counts], raw: tables[.raw])
    }

    /// The newest snapshot of the counts table whose offsets are all in the raw table; nil when there is none.
    package func covered(by rawEnds: [PartitionID: KafkaOffset]) -> (
        snapshot: Snapshot, ends: [PartitionID: KafkaOffset]
    )? {
        guard let history = counts?.history else { return nil }
        // A partition without consumed records has no raw rows and needs none.
        let starts = history.recordedStarts.merging(history.isWhole ? history.starts : [:]) { recorded, _ in recorded }
        return history.newestCounted { ends in
            ends.allSatisfy { $0.value <= rawEnds[$0.key] ?? starts[$0.key] ?? 0 }
        }
    }
}
